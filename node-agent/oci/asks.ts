import { SchedgateError } from "../../common/errors.ts";
import { type HostFs, ifThere, readIfThere } from "../host/host-fs.ts";

/** What the launcher wrote down at `create` of a container that may ask. */
export interface Ask {
  bundle: string;
  /** `--pid-file` of create, "" where none was given. */
  pidFile: string;
  /** The runtime's `--root`, "" for its own default. */
  root: string;
}

/** The launcher's notes, `<runDir>/asks/<id>`: three lines, bundle, pid file, root. @throws E_ASK where it is not there. */
export function readAsk(hostFs: HostFs, runDir: string, id: string): Ask {
  const path = `${runDir}/asks/${id}`;
  const [bundle = "", pidFile = "", root = ""] = (readIfThere(hostFs, path) ?? "").split("\n");
  if (bundle === "") throw new SchedgateError("E_ASK", `${path} does not say where the bundle of ${id} is`);
  return { bundle, pidFile, root };
}

/** From now on the container counts as one that never asked. */
export function forgetAsk(hostFs: HostFs, runDir: string, id: string): void {
  hostFs.remove(`${runDir}/asks/${id}`);
}

/**
 * Forgets containers whose bundle is gone, and no other: a note that is missing at `start` lets its container start as
 * if it had not asked (podman creates a container anew under its old id). Only for a process that sees the bundles.
 */
export function sweepAsks(hostFs: HostFs, runDir: string): void {
  const ids = ifThere(() => hostFs.list(`${runDir}/asks`)) ?? [];
  const gone = ids.filter((id) => {
    const bundle = readIfThere(hostFs, `${runDir}/asks/${id}`)?.split("\n")[0] ?? "";
    return bundle !== "" && !hostFs.exists(`${bundle}/config.json`);
  });
  for (const id of gone) forgetAsk(hostFs, runDir, id);
}
