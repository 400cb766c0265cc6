import type { AdmissionRequest } from "./review.ts";

/** What the tests of this folder, and those that send reviews to a real webhook, share. */

/** Somebody creates a pod in namespace trading. */
export function podCreate(object: unknown, more: Partial<AdmissionRequest> = {}): AdmissionRequest {
  return {
    uid: "u-1",
    kind: { group: "", version: "v1", kind: "Pod" },
    resource: { group: "", version: "v1", resource: "pods" },
    namespace: "trading",
    operation: "CREATE",
    userInfo: { username: "someone", groups: [] },
    object,
    ...more,
  };
}

/** Keys of a review, from which the path of a thing in it can be made. */
export const REVIEW_KEYS = [
  ...["request", "object", "oldObject", "metadata", "annotations", "spec", "containers", "0"],
  ...["resources", "limits", "cpu", "userInfo", "groups", "kind", "resource", "uid", "name", "operation"],
  ...["namespace", "subResource"],
] as const;

/** What nobody should send, beside any JSON. */
export const ODD_VALUES: readonly unknown[] = [
  null,
  true,
  "",
  0,
  -1,
  1e308,
  [],
  {},
  "__proto__",
  [[]],
  [null],
];

/** A copy of a review in which the thing at a path, or where the path ends early, is something else. */
export function spoil(review: object, path: readonly string[], value: unknown): object {
  const copy = structuredClone(review);
  let at = copy as Record<string, unknown>;
  for (const key of path.slice(0, -1)) {
    const next = at[key];
    if (typeof next !== "object" || next === null) break;
    at = next as Record<string, unknown>;
  }
  at[path.at(-1) ?? ""] = value;
  return copy;
}
