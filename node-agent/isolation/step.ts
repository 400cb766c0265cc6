import { type CpuSet, formatCpuSet } from "../../common/cpuset.ts";
import { codeOf, messageOf } from "../../common/errors.ts";
import { type HostFs, isGone } from "../host/host-fs.ts";

/** One change of the cpuset hierarchy; paths are below its root, without a leading slash. */
export type Step =
  | { do: "write"; file: string; text: string; /** A file of a cpuset that we made. */ own?: true }
  | { do: "mkdir"; dir: string }
  | { do: "rmdir"; dir: string };

/** A list as a cpuset file takes it. The newline matters: an empty write never reaches the kernel, "\n" clears the list. */
export function listText(set: CpuSet): string {
  return `${formatCpuSet(set)}\n`;
}

/** Path of a file of a cpuset; `dir` is "" for the root. */
export function fileIn(dir: string, name: string): string {
  return dir === "" ? name : `${dir}/${name}`;
}

/**
 * Takes every step below `root`, also after one failed: each is checked by the kernel on its own, and the caller
 * plans again from what it then reads. Returns one line for each step that failed; a cgroup that is gone is no failure.
 */
export function applySteps(hostFs: HostFs, root: string, steps: readonly Step[]): string[] {
  const failures: string[] = [];
  for (const step of steps) {
    try {
      take(hostFs, root, step);
    } catch (error) {
      if (!isGone(error) && !(step.do === "mkdir" && codeOf(error) === "EEXIST"))
        failures.push(say(step, error));
    }
  }
  return failures;
}

function take(hostFs: HostFs, root: string, step: Step): void {
  switch (step.do) {
    case "write":
      hostFs.write(`${root}/${step.file}`, step.text);
      return;
    case "mkdir":
      hostFs.mkdir(`${root}/${step.dir}`);
      return;
    case "rmdir":
      hostFs.rmdir(`${root}/${step.dir}`);
      return;
  }
}

function say(step: Step, error: unknown): string {
  const what =
    step.do === "write" ? `writing "${step.text.trim()}" to ${step.file}` : `${step.do} ${step.dir}`;
  return `${what}: ${codeOf(error) ?? messageOf(error)}`;
}
