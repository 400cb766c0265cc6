import { type Glob, matchGlob, parseGlob } from "../glob.ts";
import type { HookProfile } from "./hookprofile.ts";
import { containerFormPrefix, GRANT_ANNOTATION } from "./names.ts";

/** Which annotation keys a HookProfile protects. */
export interface Protection {
  globs: readonly Glob[];
  request: RequestKeys | undefined;
}

/** How pods ask: `annotation` for the pod, `prefix` and a container's name for one container. */
export interface RequestKeys {
  annotation: string;
  prefix: string;
}

/** @throws SchedgateError E_GLOB for a glob that the CRD would not have accepted. */
export function readProtection({ protects, request }: HookProfile["spec"]): Protection {
  return {
    globs: (protects.annotations ?? []).map(parseGlob),
    request: request && {
      annotation: request.annotation,
      prefix: containerFormPrefix(request.annotation),
    },
  };
}

/** Whether this key is the profile's request, for the pod or for one container. */
export function isRequestKey({ request }: Protection, key: string): boolean {
  return request !== undefined && (key === request.annotation || key.startsWith(request.prefix));
}

/** Whether a profile protects this annotation key. The grant annotation has rules of its own. */
export function protectsKey(protection: Protection, key: string): boolean {
  if (key === GRANT_ANNOTATION) return false;
  return isRequestKey(protection, key) || protection.globs.some((glob) => matchGlob(glob, key));
}
