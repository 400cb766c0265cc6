import { pathOf, resources } from "../../../common/kube/paths.ts";
import type { Arguments } from "../arguments.ts";
import { CLUSTER, HELP } from "../command.ts";
import type { Command } from "../command.ts";
import { listAll } from "../list.ts";
import { formatted, OUTPUT } from "../output.ts";
import { statusText } from "../statustext.ts";
import type { World } from "../world.ts";

/** What is granted, what of it is used, and what the nodes do. */
export const status: Command = {
  name: "status",
  summary: "Shows profiles, grants with their use, and what the nodes isolate.",
  operands: "",
  maxOperands: 0,
  options: { ...OUTPUT, ...CLUSTER, ...HELP },
  examples: [
    { what: "the current cluster", args: "" },
    { what: "all of it, for a program", args: "-o json" },
  ],
  run,
};

async function run(args: Arguments, world: World): Promise<number> {
  const { api } = await world.connect(args);
  const kinds = [resources.hookProfiles, resources.hookGrants, resources.nodeIsolations];
  const [profiles = [], grants = [], nodes = []] = await Promise.all(
    kinds.map((each) => listAll(api, pathOf(each))),
  );
  const list = { apiVersion: "v1", kind: "List", items: [...profiles, ...grants, ...nodes] };
  const text = (): string => statusText({ profiles, grants, nodes }, world.clock.now());
  world.print(formatted(args.get("output"), list, text));
  return 0;
}
