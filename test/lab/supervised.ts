import { readFile } from "node:fs/promises";
import { codeOf, SchedgateError } from "../../common/errors.ts";
import type { Processes } from "./processes.ts";
import { waitFor } from "./wait.ts";

/** A kubelet ends at once, a runtime in seconds. */
const RESTART_MS = 30_000;

/** Ends the program of a supervised process with SIGTERM, and returns when its supervisor has started another. */
export async function restartSupervised(processes: Pick<Processes, "find">, name: string): Promise<void> {
  const supervisor = (await processes.find(name))?.pid;
  if (supervisor === undefined)
    throw new SchedgateError("E_LAB", `${name} is not supervised, or does not run`);
  const limits = { what: `process of ${name}`, timeoutMs: RESTART_MS };
  const before = await waitFor(limits, () => programOf(supervisor));
  process.kill(before, "SIGTERM");
  await waitFor({ what: `new process of ${name}`, timeoutMs: RESTART_MS }, async () => {
    const after = await programOf(supervisor);
    return after === undefined || after === before ? undefined : true;
  });
}

/** The supervisor's one child, unless that is its pause between two runs of the program. */
async function programOf(supervisor: number): Promise<number | undefined> {
  const [child = ""] = (await textOf(`/proc/${supervisor}/task/${supervisor}/children`)).split(" ");
  if (child === "") return undefined;
  const words = (await textOf(`/proc/${child}/cmdline`)).split("\0");
  return words[0] === "" || words.slice(0, 2).join(" ") === "sleep 0.3" ? undefined : Number(child);
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT" || codeOf(error) === "ESRCH") return "";
    throw error;
  }
}
