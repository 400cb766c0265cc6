/** The API group of every kind of this project. */
export const GROUP = "schedgate.dev";

/** The one version served and stored. */
export const VERSION = "v1alpha1";

/** `apiVersion` of every kind of this project. */
export const API_VERSION = `${GROUP}/${VERSION}`;

/** Written by the webhook alone: the grants that admitted a pod, sorted, joined by commas. */
export const GRANT_ANNOTATION = `${GROUP}/grant`;

/** Label of a Node whose agent serves; absent otherwise. The value is `ready`. */
export const ISOLATION_LABEL = `${GROUP}/isolation`;

/**
 * The prefix, slash included, of a request annotation's form per container: `P/N` becomes `N.P/`.
 * `schedgate.dev/cpu-isolation` becomes `cpu-isolation.schedgate.dev/`.
 */
export function containerFormPrefix(requestAnnotation: string): string {
  const slash = requestAnnotation.indexOf("/");
  return `${requestAnnotation.slice(slash + 1)}.${requestAnnotation.slice(0, slash)}/`;
}
