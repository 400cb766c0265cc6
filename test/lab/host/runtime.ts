import type { BuildContext } from "../types.ts";
import type { Requirement } from "../prerequisites.ts";
import type { HostLayout } from "./layout.ts";
import type { Machine } from "./machine.ts";

/** Under this name the runtime's process is recorded and logs. */
export const RUNTIME_PROCESS = "runtime";

export interface RuntimeContext {
  layout: HostLayout;
  machine: Machine;
}

/** One container runtime, as a node on the machine itself needs it. */
export interface HostRuntime {
  requirements: readonly Requirement[];
  /** Builds what apt does not have. */
  prepare(context: BuildContext): Promise<void>;
  /** Writes its configuration and starts it under a supervisor; returns when it answers. */
  start(context: RuntimeContext, build: BuildContext): Promise<void>;
  /** Makes an OCI archive known to it under `name`. */
  loadImage(context: RuntimeContext, ociArchive: string, name: string): Promise<void>;
  /** The low-level runtime of its default handler. */
  lowLevelRuntime(context: RuntimeContext): string;
}
