import type { KubeApi } from "../../../common/kube/port.ts";
import { eventually, tryPod } from "../cluster.ts";
import { ASK, pod } from "../objects.ts";

/** Waits until so many more pods were judged. */
export type More = (count: number) => Promise<void>;

/**
 * While `work` runs, granted pods are created in the namespace, two at a time without a pause; nothing is kept. What
 * failed of it.
 */
export async function underLoad(
  api: KubeApi,
  namespace: string,
  work: (more: More) => Promise<void>,
): Promise<unknown[]> {
  const failures: unknown[] = [];
  let judged = 0;
  let stopped = false;
  const body = pod({ annotations: { [ASK]: "enabled" } });
  const strand = async (): Promise<void> => {
    while (!stopped) {
      await tryPod(api, namespace, body).catch((error: unknown) => failures.push(error));
      judged += 1;
    }
  };
  const more: More = async (count) => {
    const enough = judged + count;
    const reached = (): Promise<true | undefined> => Promise.resolve(judged >= enough ? true : undefined);
    await eventually(`${String(count)} more pods to be judged`, reached, 30_000);
  };
  const strands = [strand(), strand()];
  try {
    await work(more);
  } finally {
    stopped = true;
    await Promise.all(strands);
  }
  return failures;
}
