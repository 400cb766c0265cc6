// npm run demo [-- --node vm|host] [--runtime containerd|crio]: the main job, live, on a real Kubernetes node.
import { parseArgs } from "node:util";
import type { LabOptions } from "../lab/lab.ts";
import { demo } from "./demo.ts";
import { Report } from "./report.ts";

const usage = "usage: npm run demo -- [--node vm|host] [--runtime containerd|crio] [--kubernetes VERSION]\n";

/** The demo's options, or undefined where the command line can't be read. */
function readOptions(argv: string[]): Pick<LabOptions, "node" | "runtime" | "kubernetes"> | undefined {
  const { values } = parseArgs({
    args: argv,
    options: {
      node: { type: "string", default: "vm" },
      runtime: { type: "string", default: "containerd" },
      kubernetes: { type: "string", default: "v1.36.3" },
    },
  });
  const { node, runtime, kubernetes } = values;
  if ((node !== "vm" && node !== "host") || (runtime !== "containerd" && runtime !== "crio"))
    return undefined;
  return { node, runtime, kubernetes };
}

const options = readOptions(process.argv.slice(2));
if (options === undefined) {
  process.stderr.write(usage);
  process.exit(2);
}
const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    stop.abort(new Error(`stopped by ${signal}`));
  });
}
const report = new Report((text) => process.stdout.write(text));
process.exitCode = (await demo(options, report, stop.signal)) ? 0 : 1;
