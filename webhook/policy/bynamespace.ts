import type { HookGrant } from "../../common/api/hookgrant.ts";

/** Grants by the namespaces that they name: a pod is judged by those of its own, no other can cover it. */
export function byNamespace(grants: Iterable<HookGrant>): Map<string, HookGrant[]> {
  const map = new Map<string, HookGrant[]>();
  for (const grant of grants) {
    for (const namespace of new Set(grant.spec.subjects.map((each) => each.namespace))) {
      const list = map.get(namespace) ?? [];
      map.set(namespace, list);
      list.push(grant);
    }
  }
  return map;
}
