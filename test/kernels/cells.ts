import { noContainers, refusals } from "./guest/refusals.ts";
import { type Scenario, scenarios } from "./guest/scenarios.ts";
import type { Setting } from "./guest/spec.ts";

/** A kernel with one version of cgroups: one boot. */
export interface Cell {
  /** Debian suite whose newest cloud kernel it is. */
  suite: string;
  cgroup: "v1" | "v2";
  /** Why this kernel cannot isolate; undefined where it can. */
  refusal?: RegExp;
  /** What crun itself says where it makes no container at all. */
  crun?: RegExp;
}

/** The matrix of docs/kernels.md. */
export const cells = {
  "5.10-v1": { suite: "bullseye", cgroup: "v1" },
  "5.10-v2": {
    suite: "bullseye",
    cgroup: "v2",
    refusal: /no cpuset\.cpus\.exclusive before kernel 6\.7/,
  },
  "6.1-v1": { suite: "bookworm", cgroup: "v1" },
  "6.1-v2": {
    suite: "bookworm",
    cgroup: "v2",
    refusal: /no cpuset\.cpus\.exclusive before kernel 6\.7/,
  },
  "6.12-v1": {
    suite: "trixie",
    cgroup: "v1",
    refusal: /without CONFIG_CPUSETS_V1/,
    crun: /cgroups in hybrid mode not supported/,
  },
  "6.12-v2": { suite: "trixie", cgroup: "v2" },
  "sid-v2": { suite: "sid", cgroup: "v2" },
} as const satisfies Record<string, Cell>;

/** The model's random histories of containers, on the cell's own kernel. */
export const HISTORIES =
  "any history that the model allows isolates what the living own, and ends as it began";

/** Why cgroup v2 is refused before kernel 6.7. */
const NO_PARTITION = "the kernel makes no isolated partition of a container's cgroup";

export type CellName = keyof typeof cells;

/** Runtimes and cgroup drivers. Each program of an emulated guest costs time: two of the four get every scenario. */
export const settings: readonly (Setting & { all: boolean })[] = [
  { runtime: "runc", driver: "cgroupfs", all: true },
  { runtime: "runc", driver: "systemd", all: false },
  { runtime: "crun", driver: "cgroupfs", all: false },
  { runtime: "crun", driver: "systemd", all: true },
];

export function isCell(name: string): name is CellName {
  return Object.hasOwn(cells, name);
}

/** What is played in a cell with a runtime and a driver. */
export function scenariosOf(name: CellName, setting: (typeof settings)[number]): readonly Scenario[] {
  const { cgroup, refusal, crun }: Cell = cells[name];
  if (crun !== undefined && setting.runtime === "crun") return noContainers(crun);
  if (refusal !== undefined) return refusals(refusal, cgroup === "v2" ? "1-2" : "");
  return scenarios.filter(
    ({ on, everywhere }) => (setting.all || everywhere === true) && (on?.(cgroup, setting) ?? true),
  );
}

/** What is played in a cell beside the scenarios, without a runtime. */
export function extrasOf(name: CellName): readonly string[] {
  const { cgroup, refusal }: Cell = cells[name];
  if (refusal === undefined) return [HISTORIES];
  return cgroup === "v2" ? [NO_PARTITION] : [];
}
