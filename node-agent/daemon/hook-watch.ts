import { join } from "node:path";
import type { Clock } from "../../common/clock.ts";
import { messageOf } from "../../common/errors.ts";
import type { Reflector } from "../../common/kube/reflector.ts";
import { waker } from "../../common/waker.ts";
import { nodeHostFs } from "../host/host-fs.ts";
import { hookDirs } from "../hooks/hook-dirs.ts";
import { type ObservedHook, observedHooks, readHooks } from "../hooks/observe.ts";
import type { Profile } from "./profiles.ts";
import { directoryWatches } from "./watches.ts";

/** Knows the node's hook files that pods can trigger and that no HookProfile protects. */
export interface HookWatch {
  /** Undefined before the HookProfiles are known. */
  observed: () => ObservedHook[] | undefined;
  /** Profiles have changed. */
  poke(): void;
  /** Until the signal aborts; never throws. */
  run(signal: AbortSignal): Promise<void>;
}

/** Against what inotify cannot tell: directories that are not there yet. */
const TICK_MS = 10_000;
/** Between looks while files keep changing. */
const SPACING_MS = 200;

/** @param root where the host's /usr/share and /etc are seen. */
export function hookWatch(root: string, profiles: Reflector<Profile>, clock: Clock): HookWatch {
  const hostFs = nodeHostFs(root);
  let observed: ObservedHook[] | undefined;
  const { poke, rest } = waker(clock);
  const watches = directoryWatches(poke, () => true);
  const look = (): ObservedHook[] => {
    // A profile that only warns keeps nobody from a hook.
    const enforced = [...profiles.items().values()].filter((profile) => profile.enforced);
    try {
      const dirs = hookDirs(hostFs);
      watches.set(dirs.map(({ path }) => join(root, path)));
      return observedHooks(readHooks(hostFs, dirs), enforced);
    } catch (error) {
      return [
        {
          file: "hooks.d",
          reason: `which hooks this node has cannot be told: ${messageOf(error)}`.slice(0, 1024),
        },
      ];
    }
  };
  return {
    observed: () => observed,
    poke,
    run: async (signal) => {
      while (!signal.aborted) {
        if (profiles.synced) observed = look();
        await rest(signal, TICK_MS);
        await clock.sleep(SPACING_MS, signal);
      }
      watches.close();
    },
  };
}
