import { readFile, writeFile } from "node:fs/promises";
import { SchedgateError } from "../../../common/errors.ts";

/** Clock ticks a second, as every Linux reports them to user space: sysconf(_SC_CLK_TCK). */
const TICKS = 100;

/** CPU seconds, user and system, that a process and its threads used since it began. */
export async function cpuSecondsOf(pid: number): Promise<number> {
  const line = await readFile(`/proc/${pid}/stat`, "utf8");
  const fields = line.slice(line.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** Lets the peak of a process's memory begin anew: man proc_pid_clear_refs(5). */
export async function resetPeak(pid: number): Promise<void> {
  await writeFile(`/proc/${pid}/clear_refs`, "5");
}

/** The most memory that a process had in RAM since its start or `resetPeak`, bytes. */
export async function peakRssOf(pid: number): Promise<number> {
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, "utf8"))?.[1];
  if (kilobytes === undefined) throw new SchedgateError("E_PROC", `/proc/${pid}/status holds no VmHWM`);
  return Number(kilobytes) * 1024;
}
