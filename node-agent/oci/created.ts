import { SchedgateError, messageOf } from "../../common/errors.ts";
import { type HostFs, readIfThere } from "../host/host-fs.ts";
import { type AskProcess, readAsk } from "./asks.ts";
import { type Bundle, parseBundle, readBundle } from "./bundle.ts";
import type { CompanionConfig } from "./config.ts";
import { pidOf } from "./pid.ts";

/** A created container, all that isolating it needs to know of it. */
export interface Created extends AskProcess {
  id: string;
  bundle: Bundle;
}

/**
 * A container by the launcher's notes; what they lack is read from the host, by a process that sees it.
 * @throws SchedgateError E_ASK, E_BUNDLE or E_PID where something cannot be known.
 */
export function createdById(hostFs: HostFs, config: CompanionConfig, id: string): Created {
  const ask = readAsk(hostFs, config.runDir, id);
  const bundle = ask.config === undefined ? readBundle(hostFs, ask.bundle) : parse(ask.config, id);
  const process =
    ask.process ?? processOnHost(hostFs, pidOf(hostFs, id, ask, config.runc), config.kubeletState);
  return { ...process, id, bundle };
}

/** The same of a process that this one sees. @param kubeletState path of its cpu_manager_state. */
export function processOnHost(hostFs: HostFs, pid: number, kubeletState: string): AskProcess {
  const cgroups = readIfThere(hostFs, `/proc/${pid}/cgroup`) ?? "";
  return { pid, cgroups, kubeletState: readIfThere(hostFs, kubeletState) };
}

function parse(text: string, id: string): Bundle {
  try {
    return parseBundle(text);
  } catch (cause) {
    throw new SchedgateError(
      "E_BUNDLE",
      `the launcher's copy of the config.json of ${id}: ${messageOf(cause)}`,
      { cause },
    );
  }
}
