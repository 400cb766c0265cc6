import { resources } from "../../../common/kube/paths.ts";
import { create, eventually, namespace } from "../../apiserver/cluster.ts";
import { ASK, grant, pod } from "../../apiserver/objects.ts";
import { directTo } from "../../apiserver/vectors/direct.ts";
import type { Webhook } from "../../apiserver/webhook.ts";
import type { World } from "../world.ts";
import type { Fault } from "./fault.ts";

/** The reflector's idle limit (90 s), and a call that waits for one of the lost connections. */
const NOTICED_MS = 150_000;

export const halfOpen: Fault = {
  name: "half-open",
  title: "all connections of the replicas to the API server go silent",
  async run(world) {
    const { api, relay, replicas, tally } = world;
    const where = `late-${Date.now()}`;
    await namespace(api, where);
    relay.stall();
    const began = Date.now();
    await create(api, resources.hookGrants, grant(where, where));
    const waits = replicas.all.map(async (each) => {
      await eventually(
        `the grant ${where} to be in force at ${each.url}`,
        async () => ((await admits(world, each, where)) ? true : undefined),
        NOTICED_MS,
      );
      return ((Date.now() - began) / 1000).toFixed(0);
    });
    const seconds = await Promise.all(waits);
    tally.current.notes.push(`a grant made meanwhile was in force after ${seconds.join(" and ")} s`);
  },
};

/** Whether this very replica would admit a pod that asks there. */
async function admits({ api }: World, replica: Webhook, where: string): Promise<boolean> {
  const object = pod({ runtimeClassName: "wrapper", annotations: { [ASK]: "disabled" } });
  const direct = await directTo(api, replica);
  return (await direct.judge("/mutate", where, object)).patch !== undefined;
}
