import { accessSync, readSync, renameSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { nodeHostFs } from "../../node-agent/host/host-fs.ts";
import { fileLock } from "../../node-agent/isolation/lock.ts";
import { agentOn } from "./agent.ts";

// One call of the node agent, as a process, on a machine whose files are below a directory: `claimant ROOT start ID`.
// It says when it is ready, and begins when its stdin ends, so that several begin at once.
const [root = "", command = "", id = ""] = process.argv.slice(2);
const files = nodeHostFs(root);
const hostFs = {
  ...files,
  // As a kernel's file, whole or not at all, and never made anew.
  write: (path: string, text: string): void => {
    const there = join(root, path);
    accessSync(there);
    writeFileSync(`${there}.${process.pid}`, text);
    renameSync(`${there}.${process.pid}`, there);
  },
};
const runDir = "/run/schedgate";
const agent = agentOn(
  {
    hostFs,
    lock: fileLock(join(root, "lock")),
    cgroupRoot: "/sys/fs/cgroup",
    runDir,
    kubeletState: "/var/lib/kubelet/cpu_manager_state",
  },
  () => Infinity,
  () => undefined,
);
writeSync(1, "ready\n");
readSync(0, Buffer.alloc(1));
const { refusal } = await (command === "start" ? agent.start(id, "deny") : agent.remove(id));
if (refusal !== undefined) writeSync(2, refusal);
process.exitCode = refusal === undefined ? 0 : 1;
