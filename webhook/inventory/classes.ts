import * as z from "zod";
import { hasStatus } from "../../common/kube/port.ts";
import type { KubeApi } from "../../common/kube/port.ts";
import { pathOf, resources } from "../../common/kube/paths.ts";

/** What we read of a RuntimeClass (node.k8s.io/v1). */
export const runtimeClassSchema = z.object({ metadata: z.object({ name: z.string() }), handler: z.string() });
export type RuntimeClass = z.infer<typeof runtimeClassSchema>;

/** Long enough for a busy API server, short enough for the webhook's own time limit. */
const TIMEOUT_MS = 3_000;

export interface ClassResolver {
  api: KubeApi;
  cached(name: string): RuntimeClass | undefined;
  /** Whether every profile that protects any handler protects this one. */
  isProtectedByAll(handler: string): boolean;
}

/**
 * The handler of a RuntimeClass, undefined where there is no such class. The cache's word counts only where none is stricter:
 * it may be a moment old, and a class made a moment ago is just how one would try to slip through.
 * @throws KubeApiError where the API server does not say: then nobody knows.
 */
export async function resolveHandler(resolver: ClassResolver, name: string): Promise<string | undefined> {
  const cached = resolver.cached(name)?.handler;
  if (cached !== undefined && resolver.isProtectedByAll(cached)) return cached;
  try {
    const path = pathOf(resources.runtimeClasses, { name });
    const live = await resolver.api.request({ method: "GET", path, timeoutMs: TIMEOUT_MS });
    return runtimeClassSchema.parse(live).handler;
  } catch (error) {
    if (hasStatus(error, 404)) return undefined;
    throw error;
  }
}
