import type { CpuSet } from "../../common/cpuset.ts";

/** A model of what the kernel does with its cpuset files; directories are below the hierarchy's root, "" for the root. */
export interface KernelModel {
  /** Where the hierarchy is mounted. */
  readonly root: string;
  /** The leaves of partitions that a write made invalid. Empty on v1, which has no partitions. */
  readonly killed: string[];
  /** @throws what the kernel's open(2) or read(2) gives. */
  read(dir: string, name: string): string;
  /** @throws what the kernel's write(2) gives. */
  write(dir: string, name: string, text: string): void;
  mkdir(dir: string): void;
  rmdir(dir: string): void;
  /** Every cgroup, parents first. */
  dirs(): string[];
  /** From now on only these CPUs run. */
  setOnline(cpus: CpuSet): void;
  /** The CPUs that are in some sched domain. */
  balanced(): CpuSet;
}

/** An error as Node gives it for a failed system call. */
export function errno(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}

/** The directory above: "" for a top one. */
export function parentOf(dir: string): string {
  return dir.slice(0, Math.max(dir.lastIndexOf("/"), 0));
}

/** Whether a directory is another one or anywhere below it. */
export function isWithin(dir: string, above: string): boolean {
  return above === "" || dir === above || dir.startsWith(`${above}/`);
}

/** The rules about directories that both versions share. */
export class Tree<T> {
  readonly nodes = new Map<string, T>();
  private readonly make: () => T;

  constructor(root: T, make: () => T) {
    this.nodes.set("", root);
    this.make = make;
  }

  at(dir: string, path = dir): T {
    const node = this.nodes.get(dir);
    if (node === undefined) throw errno("ENOENT", path);
    return node;
  }

  mkdir(dir: string): void {
    this.at(parentOf(dir));
    if (this.nodes.has(dir)) throw errno("EEXIST", dir);
    this.nodes.set(dir, this.make());
  }

  rmdir(dir: string): void {
    this.at(dir);
    if (this.childrenOf(dir).length > 0) throw errno("EBUSY", dir);
    this.nodes.delete(dir);
  }

  childrenOf(dir: string): string[] {
    return [...this.nodes.keys()].filter((other) => other !== "" && parentOf(other) === dir);
  }
}
