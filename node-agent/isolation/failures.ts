import { type HostFs, ifThere, readIfThere } from "../host/host-fs.ts";
import { isContainerId } from "./owner.ts";

/** More are counted, not named. */
const NAMED = 20;
const MESSAGE_MAX = 500;

// Of a call that does not even tell which container it is for.
function fileOf(runDir: string, id: string): string {
  return `${runDir}/failures/${isContainerId(id) ? id : "unknown"}`;
}

/** Notes that a container was started although nothing could be done for it (`onFailure: Allow`). */
export function noteFailure(hostFs: HostFs, runDir: string, id: string, message: string): void {
  hostFs.mkdirs(`${runDir}/failures`);
  hostFs.replace(fileOf(runDir, id), `${message.slice(0, MESSAGE_MAX)}\n`);
}

/** Forgets it: the container is deleted, or was started again and all went well. */
export function forgetFailure(hostFs: HostFs, runDir: string, id: string): void {
  hostFs.remove(fileOf(runDir, id));
}

/** What was noted, as problems for a person. */
export function failuresIn(hostFs: HostFs, runDir: string): string[] {
  const dir = `${runDir}/failures`;
  const ids = (ifThere(() => hostFs.list(dir)) ?? []).filter((name) => !name.startsWith("."));
  const named = ids.slice(0, NAMED).flatMap((id) => {
    const text = readIfThere(hostFs, `${dir}/${id}`)?.trim();
    const what = `container ${id} was started without isolation`;
    return text === undefined ? [] : [`${what}: ${text}; remove ${dir}/${id} once it was looked at`];
  });
  return ids.length > NAMED ? [...named, `${ids.length - NAMED} more in ${dir}`] : named;
}
