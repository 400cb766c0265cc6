import { SchedgateError, messageOf } from "../../common/errors.ts";
import { type HostFs } from "../host/host-fs.ts";

/** What the node side needs of an OCI bundle's config.json. */
export interface Bundle {
  annotations: Readonly<Record<string, string>>;
  /** `linux.cgroupsPath`, "" where the runtime chooses. */
  cgroupsPath: string;
  /** `linux.resources.cpu.shares`. */
  shares: number | undefined;
}

/** Whose container a bundle is. */
export interface Identity {
  sandbox: boolean;
  namespace: string;
  pod: string;
  podUID: string;
  container: string;
}

/** Reads `<dir>/config.json`. @throws SchedgateError E_BUNDLE */
export function readBundle(hostFs: HostFs, dir: string): Bundle {
  const path = `${dir}/config.json`;
  try {
    return parseBundle(hostFs.read(path));
  } catch (cause) {
    throw new SchedgateError("E_BUNDLE", `cannot read the bundle's ${path}: ${messageOf(cause)}`, { cause });
  }
}

interface RawBundle {
  annotations?: Record<string, unknown> | null;
  linux?: { cgroupsPath?: unknown; resources?: { cpu?: { shares?: unknown } | null } | null } | null;
}

/** The parts of a config.json, or Node's own error where it is not JSON. */
export function parseBundle(text: string): Bundle {
  const value = (JSON.parse(text) ?? {}) as RawBundle;
  const shares = value.linux?.resources?.cpu?.shares;
  const cgroupsPath = value.linux?.cgroupsPath;
  const annotations = Object.entries(value.annotations ?? {}).filter(
    (entry): entry is [string, string] => typeof entry[1] === "string",
  );
  return {
    annotations: Object.fromEntries(annotations),
    cgroupsPath: typeof cgroupsPath === "string" ? cgroupsPath : "",
    shares: typeof shares === "number" ? shares : undefined,
  };
}

const CRIO = {
  type: "io.kubernetes.cri-o.ContainerType",
  namespace: "io.kubernetes.pod.namespace",
  pod: "io.kubernetes.pod.name",
  podUID: "io.kubernetes.pod.uid",
  container: "io.kubernetes.container.name",
};

const CONTAINERD: typeof CRIO = {
  type: "io.kubernetes.cri.container-type",
  namespace: "io.kubernetes.cri.sandbox-namespace",
  pod: "io.kubernetes.cri.sandbox-name",
  podUID: "io.kubernetes.cri.sandbox-uid",
  container: "io.kubernetes.cri.container-name",
};

/**
 * Names from the annotations of CRI-O, else of containerd; never of both, since CRI-O passes the annotations of a pod
 * on, where a tenant may have written the other's. The uid is the cgroup path's, which the kubelet chose, where it has
 * one; containerd before 1.7 tells it nowhere else.
 */
export function identify({ annotations, cgroupsPath }: Bundle): Identity {
  const keys = annotations[CRIO.type] === undefined ? CONTAINERD : CRIO;
  const named = (key: keyof typeof CRIO): string => annotations[keys[key]] ?? "";
  return {
    sandbox: named("type") === "sandbox",
    namespace: named("namespace"),
    pod: named("pod"),
    podUID: uidIn(cgroupsPath) || named("podUID"),
    container: named("container"),
  };
}

// "/kubepods/pod<uid>/<id>", or "kubepods-pod<uid with _>.slice:cri-containerd:<id>" with the systemd driver.
function uidIn(cgroupsPath: string): string {
  const uid = /(?:^|[-/])pod([0-9a-f_-]{32,36})(?:\.slice|\/|$)/.exec(cgroupsPath)?.[1] ?? "";
  return uid.replaceAll("_", "-");
}

const ASK = "schedgate.dev/cpu-isolation";

/** Whether the container asks: the form for one container wins over the pod's; a sandbox never does. */
export function asksForIsolation(bundle: Bundle): boolean {
  const { sandbox, container } = identify(bundle);
  const own = bundle.annotations[`cpu-isolation.schedgate.dev/${container}`];
  return !sandbox && (own ?? bundle.annotations[ASK]) === "enabled";
}
