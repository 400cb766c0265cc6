import type { TomlTable } from "./toml.ts";
import type { WantedFile } from "./containerd-plan.ts";

/** What installing needs of a container runtime. */
export interface ContainerRuntime {
  /** Its own view of its whole configuration. @throws SchedgateError E_RUNTIME */
  dump(): Promise<TomlTable>;
  /** What it would read from disk at its next start. @throws SchedgateError E_RUNTIME where it could not */
  onDisk(): Promise<TomlTable>;
  /** The low-level runtime of its default handler, undefined where it searches its PATH. */
  defaultRunc(dump: TomlTable): string | undefined;
  /** The file that registers our handler. */
  registration(dump: TomlTable): WantedFile;
  /** The files that registered it, as they must be without it. */
  unregistration(): WantedFile[];
  /** Whether a configuration runs our launcher for our handler. */
  registered(dump: TomlTable): boolean;
  /** What needs our handler yet: sandboxes or processes that the runtime fails without it. */
  bound(): Promise<string[]>;
  /** Makes the running process take the configuration that is on disk, and waits for it. @throws SchedgateError E_RESTART */
  apply(): Promise<void>;
  /** The same without waiting: the runtime may first have to stop the container that asks for it. @throws E_RESTART */
  applyLater(): Promise<void>;
}
