import { join } from "node:path";
import { resources } from "../../../common/kube/paths.ts";
import { create, eventually, get, must, patch, remove } from "../../apiserver/cluster.ts";
import type { Json } from "../../apiserver/cluster.ts";
import { profile } from "../../apiserver/objects.ts";
import type { World } from "../world.ts";
import type { Fault } from "./fault.ts";

const manifests = join(import.meta.dirname, "../../../manifests");

export const applyAgain: Fault = {
  name: "apply",
  title: "kubectl apply -k of all manifests",
  times: 5,
  async run({ cluster }) {
    for (const each of ["prerequisites", "overlays/containerd"])
      await must(cluster.lab, ["apply", "-k", join(manifests, each)]);
  },
};

export const profileChanges: Fault = {
  name: "profiles",
  title: "a HookProfile changed, another one made and deleted",
  times: 5,
  async run(world) {
    const { api } = world;
    const name = "cpu-isolation";
    const { spec } = (await get(api, resources.hookProfiles, { name })) as { spec: Json };
    const protects = spec["protects"] as { annotations: string[] };
    const change = (annotations: readonly string[]): Promise<Json> =>
      patch(api, resources.hookProfiles, { name }, { body: { spec: { protects: { annotations } } } });
    const [more, other] = [`more-${Date.now()}.example/*`, `other-${Date.now()}.example/x`];
    await change([...protects.annotations, more]);
    await create(api, resources.hookProfiles, profile("other", { protects: { annotations: [other] } }));
    await inForce(world, more.slice(0, -1), other);
    await remove(api, resources.hookProfiles, { name: "other" });
    await change(protects.annotations);
  },
};

/** Until both live configurations speak of these keys. */
async function inForce({ api }: World, ...keys: string[]): Promise<void> {
  for (const kind of [resources.mutatingWebhooks, resources.validatingWebhooks]) {
    await eventually(`${keys.join(" and ")} in the ${kind.resource}`, async () => {
      const text = JSON.stringify(await get(api, kind, { name: "schedgate" }));
      return keys.every((each) => text.includes(each)) ? true : undefined;
    });
  }
}
