import type { Cluster } from "../../../apiserver/cluster.ts";

/** One way to admit pods, against which others are measured. Its processes run from its making until `stop`. */
export interface Contender {
  name: string;
  /** Makes the API server use it; returns when it does. */
  install(): Promise<void>;
  /** Undoes `install`; returns when the API server does not use it any more. */
  remove(): Promise<void>;
  /** The process whose CPU and memory are its own; undefined where all happens in the API server. Known once installed. */
  pid(): number | undefined;
  stop(): Promise<void>;
}

/** What a contender may use. */
export interface Bench {
  cluster: Cluster;
  /** The subjects that have a grant, all in namespaces of their own but GRANTED. */
  namespaces: readonly string[];
  log: (line: string) => void;
}
