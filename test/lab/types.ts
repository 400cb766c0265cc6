import type { Cache } from "./cache.ts";
import type { Output } from "./exec.ts";
import type { BaseImage } from "./oci.ts";
import type { Pki } from "./pki.ts";
import type { Requirement } from "./prerequisites.ts";
import type { Processes } from "./processes.ts";

/** Where the kubelet runs: a VM with its own kernel, the machine itself, or nowhere (a control plane alone). */
export type NodeKind = "vm" | "host" | "none";
export type Runtime = "containerd" | "crio";
/** What a node's own service manager runs and restarts. */
type NodeService = "kubelet" | "runtime";

export interface LabOptions {
  node: NodeKind;
  runtime: Runtime;
  /** A version tag such as `v1.36.3`. */
  kubernetes: string;
  /** Tells labs on one machine apart; default `$SCHEDGATE_LAB`, else `lab`. */
  name?: string;
  log: (line: string) => void;
  /**
   * Images whose large layers the node should have from the start, such as a base image: a VM's snapshot then holds
   * them, and `loadImage` of an image with the same layers is fast. Ignored by the other kinds of node.
   */
  preload?: readonly BaseImage[];
  /** Ends `up` early; what was started by then is ended. */
  signal?: AbortSignal;
}

/** A running cluster. */
export interface Lab {
  readonly options: LabOptions;
  /** Path of a kubeconfig of a cluster admin. */
  readonly kubeconfig: string;
  readonly stateDir: string;
  /** Runs kubectl as the cluster's admin; never throws on a bad exit code. */
  kubectl: (args: readonly string[], input?: string) => Promise<Output>;
  /** Runs one shell line on the node, as root. */
  node(command: string): Promise<Output>;
  /** Ends a service of the node and starts it again, as its service manager does; returns when a new process runs. */
  restartService(service: NodeService): Promise<void>;
  /** Makes an OCI archive (a tar) known to the node's runtime under `name`. */
  loadImage(ociArchive: string, name: string): Promise<void>;
  /** Settings of the node agent that differ on this node: its environment. */
  readonly agentSettings: Readonly<Record<string, string>>;
  /** The directory in which the kubelet looks for static pods. */
  readonly staticPods: string;
  /** The command for the runtime's CRI socket on the node, where there is one: with CRI-O. */
  readonly crictl: string | undefined;
}

/** How the API server and the pods of a node find each other. */
export interface ClusterNetwork {
  /** The address the API server listens on. */
  bindAddress: string;
  /** The address pods are sent to by the Service `kubernetes`; never a loopback one. Default: the bind address. */
  advertiseAddress?: string;
  /** Service addresses, such as `10.96.0.0/16`; the first one is the Service `kubernetes`. */
  serviceCidr: string;
  /** Unix socket of an HTTP CONNECT proxy through which the API server reaches pods, Services and the kubelet. */
  egressSocket?: string;
}

/** What a node driver may use before there is a cluster. */
export interface BuildContext {
  readonly options: LabOptions;
  readonly stateDir: string;
  readonly cache: Cache;
  readonly processes: Processes;
  /** Directory of kube-apiserver, kubectl and the others of a control plane. */
  readonly kubernetes: string;
}

/** What a node driver may use to join a node. */
export interface NodeContext extends BuildContext {
  readonly pki: Pki;
  readonly network: ClusterNetwork;
  /** Port of the API server, on the bind address and on the advertised one. */
  readonly apiPort: number;
  kubectl: (args: readonly string[], input?: string) => Promise<Output>;
}

/** A node that runs. */
export interface LabNode {
  readonly name: string;
  run(command: string): Promise<Output>;
  restartService(service: NodeService): Promise<void>;
  loadImage(ociArchive: string, name: string): Promise<void>;
  readonly agentSettings: Readonly<Record<string, string>>;
  readonly staticPods: string;
  readonly crictl: string | undefined;
  /** The last lines of the kubelet and the runtime, for a node that did not become Ready. */
  lastLines(): Promise<string>;
}

/** One kind of node. Calls come in the order of the members; `attach` and `stop` may come from another process. */
export interface NodeDriver {
  requirements(options: Pick<LabOptions, "runtime">): Requirement[];
  /** Why only root can bring such a node up. */
  rootFor?: string;
  /** Builds what is slow, into the cache. */
  prepare(context: BuildContext): Promise<void>;
  /** Chooses addresses and ports; may write to the state directory what `attach` needs. */
  network(context: BuildContext): Promise<ClusterNetwork>;
  /** Does what needs no cluster, while the control plane starts. */
  boot?(context: BuildContext): Promise<void>;
  /** Starts runtime, kubelet and (or in `settle`) kube-proxy; does not wait for Ready. The API server answers. */
  start(context: NodeContext): Promise<LabNode>;
  /** Does what has to wait for a Ready node. */
  settle?(context: NodeContext): Promise<void>;
  /** The node that `start` started. */
  attach(context: Pick<BuildContext, "options" | "stateDir" | "processes">): Promise<LabNode>;
  /**
   * Ends the node and removes what it left on the machine, also when all of it was killed before or never started.
   * Returns a line for each thing removed.
   */
  stop(context: Pick<BuildContext, "options" | "stateDir" | "processes">): Promise<string[]>;
}
