/** One step of a JSON patch (RFC 6902). */
export interface PatchStep {
  op: "add" | "replace" | "remove";
  path: string;
  value?: unknown;
}

/** Sets the class of a pod that names none. */
export function setRuntimeClass(name: string): PatchStep[] {
  return [{ op: "add", path: "/spec/runtimeClassName", value: name }];
}

/** Sets the status, which a new pod has only until it is validated, to a mark. */
export function setMark(reason: string): PatchStep[] {
  return [{ op: "add", path: "/status", value: { reason } }];
}

/** Sets the uid of a Binding that names none. */
export function setUid(uid: string): PatchStep[] {
  return [{ op: "add", path: "/metadata/uid", value: uid }];
}

/**
 * Sets or, with undefined, removes one annotation. Nothing where it is so already. An empty map may be
 * a missing one, so it is made; one that holds something is never replaced.
 */
export function setAnnotation(
  annotations: Readonly<Record<string, string>>,
  key: string,
  value: string | undefined,
): PatchStep[] {
  const current = Object.hasOwn(annotations, key) ? annotations[key] : undefined;
  if (current === value) return [];
  const path = `/metadata/annotations/${escapePointer(key)}`;
  if (value === undefined) return [{ op: "remove", path }];
  if (Object.keys(annotations).length === 0)
    return [{ op: "add", path: "/metadata/annotations", value: { [key]: value } }];
  return [{ op: current === undefined ? "add" : "replace", path, value }];
}

/** One step of a JSON pointer (RFC 6901): `~` first, else the escapes would be escaped. */
function escapePointer(key: string): string {
  return key.replaceAll("~", "~0").replaceAll("/", "~1");
}
