import type { Clock } from "../../common/clock.ts";
import type { KubeApi } from "../../common/kube/port.ts";
import type { Arguments } from "./arguments.ts";

/** A cluster, and the namespace that is meant where none is named. */
export interface Cluster {
  api: KubeApi;
  namespace: string;
}

/** What the commands need of the place where they run. */
export interface World {
  /** As the person calls it: `schedgate` or `kubectl schedgate`. */
  program: string;
  version: string;
  clock: Clock;
  /** Adds a line feed. */
  print(text: string): void;
  /** One line on stderr. */
  complain(line: string): void;
  /** A file's text, or with `-` that of stdin. @throws SchedgateError E_FILE */
  read(file: string): Promise<string>;
  /** The cluster that the options name. @throws SchedgateError E_KUBECONFIG */
  connect(args: Arguments): Promise<Cluster>;
}
