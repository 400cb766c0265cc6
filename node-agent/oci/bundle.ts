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

/**
 * Names from the annotations of containerd (`io.kubernetes.cri.*`) or CRI-O (its labels become annotations).
 * containerd before 1.7 does not tell the pod's uid: it stands in the cgroup path, which the kubelet chose.
 */
export function identify({ annotations, cgroupsPath }: Bundle): Identity {
  const named = (...keys: string[]): string =>
    keys.map((key) => annotations[key]).find((value) => value !== undefined) ?? "";
  const type = named("io.kubernetes.cri.container-type", "io.kubernetes.cri-o.ContainerType");
  return {
    sandbox: type === "sandbox",
    namespace: named("io.kubernetes.cri.sandbox-namespace", "io.kubernetes.pod.namespace"),
    pod: named("io.kubernetes.cri.sandbox-name", "io.kubernetes.pod.name"),
    podUID: named("io.kubernetes.cri.sandbox-uid", "io.kubernetes.pod.uid") || uidIn(cgroupsPath),
    container: named("io.kubernetes.cri.container-name", "io.kubernetes.container.name"),
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
