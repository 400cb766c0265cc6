import { GRANT_ANNOTATION } from "../../common/api/names.ts";
import { isRequestKey, protectsKey, type Protection } from "../../common/api/protection.ts";
import { globParts } from "../../common/glob.ts";
import { type Family, families } from "./pattern.ts";

/** `when` of a hooks.d file of version 1.0.0: all that is given must hold. */
export interface When {
  always?: boolean | undefined;
  /** Regular expressions of keys to those of values; for each pair the pod needs one annotation. */
  annotations?: Record<string, string> | undefined;
  /** Regular expressions of the container's program. */
  commands?: string[] | undefined;
  hasBindMounts?: boolean | undefined;
}

/**
 * Why pods can trigger a hook without a grant; undefined where they cannot: the hook never runs, or one of the
 * annotations that it needs is protected by a profile. On doubt it is not protected.
 */
export function unprotected(when: When, protections: readonly Protection[]): string | undefined {
  const { always, annotations = {}, commands = [], hasBindMounts } = when;
  const pairs = Object.entries(annotations);
  const given = [always, hasBindMounts].some((each) => each === true) || pairs.length + commands.length > 0;
  // The runtimes take "false" as a condition that never holds, and no condition at all as one too.
  if (!given || always === false || hasBindMounts === false) return undefined;
  const flaws = pairs.map(([key, value]) => annotationFlaw(key, value, protections));
  if (flaws.includes(undefined)) return undefined;
  if (flaws.length > 0) return flaws.join("; ");
  if (commands.length > 0) return "commands: any container may run a program of such a name";
  return hasBindMounts === true
    ? "hasBindMounts: every pod has mounts"
    : "always: every container triggers it";
}

function annotationFlaw(key: string, value: string, protections: readonly Protection[]): string | undefined {
  const named = `annotation ${key}`;
  const keys = families(key);
  if (keys === undefined)
    return `${named}: which keys it matches cannot be told (write an anchored literal: ^example\\.com/key$)`;
  for (const family of keys) {
    if (!isProtected(family, protections)) return `${named}: no HookProfile protects ${shown(family)}`;
    if (asks(family, protections) && !excludesDisabled(value))
      return `${named}: "disabled" needs no grant, and ${value} may match it (write ^enabled$)`;
  }
  return undefined;
}

function shown({ head, open }: Family): string {
  return open ? `${head}…` : head;
}

/** Whether each key of the family is protected, by one glob or one request at that. */
function isProtected(family: Family, protections: readonly Protection[]): boolean {
  const { head, open } = family;
  if (!open) return protections.some((each) => protectsKey(each, head));
  // A key has one slash at most, so after it none can follow. Any pod that is admitted may have the grant's key.
  if ((family.slash && !head.includes("/")) || GRANT_ANNOTATION.startsWith(head)) return false;
  return protections.some(({ globs, request }) => {
    const prefixes = globs.map(globParts).filter(({ isPrefix }) => isPrefix);
    const heads = [
      ...prefixes.map((parts) => parts.head),
      ...(request === undefined ? [] : [request.prefix]),
    ];
    return heads.some((each) => head.startsWith(each) && !head.slice(each.length).includes("/"));
  });
}

function asks({ head, open }: Family, protections: readonly Protection[]): boolean {
  return protections.some(
    (each) => isRequestKey(each, head) || (open && each.request?.annotation.startsWith(head) === true),
  );
}

function excludesDisabled(value: string): boolean {
  const values = families(value);
  return (
    values?.every(({ head, open }) => (open ? !"disabled".startsWith(head) : head !== "disabled")) === true
  );
}
