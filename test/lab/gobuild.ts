import { copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SchedgateError } from "../../common/errors.ts";
import { type Cache, seconds } from "./cache.ts";
import { go } from "./go.ts";

/** Apart, since a lab without a node needs the first ones alone. */
const CONTROL_PLANE = ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubectl"];
const NODE = ["kubelet", "kube-proxy"];

/** Debian 12's etcd 3.4 is too old for Kubernetes 1.36. */
const ETCD = "v3.7.3";
const ETCD_MAIN = `package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() { etcdmain.Main(os.Args) }
`;

const VERSION = /^v1\.(\d{1,3})\.\d{1,3}$/;

/** The minor version of a Kubernetes tag: 36 for `v1.36.3`. */
export function minorOf(version: string): number {
  const minor = VERSION.exec(version)?.[1];
  if (minor === undefined) {
    throw new SchedgateError("E_VERSION", `"${version}" is not a Kubernetes version such as v1.36.3`);
  }
  return Number(minor);
}

/**
 * The go.mod of a module that builds Kubernetes' commands. The published k8s.io/kubernetes replaces its parts by
 * folders of its own (./staging), which only hold for a main module; here each is replaced by its published version.
 */
export function wrapperModule(version: string, upstreamGoMod: string): string {
  const parts = `v0.${version.slice("v1.".length)}`;
  const staged = [
    ...upstreamGoMod.matchAll(/^\s*(?:replace )?(k8s\.io\/[a-z-]+) => \.\/staging\/src\/\S+$/gm),
  ];
  const go = /^go (\S+)$/m.exec(upstreamGoMod)?.[1];
  if (staged.length === 0 || go === undefined) {
    throw new SchedgateError(
      "E_GOMOD",
      `the go.mod of k8s.io/kubernetes ${version} is not of the known form`,
    );
  }
  const replaced = staged.map((match) => `replace ${match[1] ?? ""} => ${match[1] ?? ""} ${parts}\n`);
  return `module lab\n\ngo ${go}\n\nrequire k8s.io/kubernetes ${version}\n\n${replaced.join("")}`;
}

/** The linker flags that make a binary say its version. */
export function linkerFlags(version: string): string {
  const set = (name: string, value: string): string => `-X k8s.io/component-base/version.${name}=${value}`;
  const minor = String(minorOf(version));
  return ["-s -w", set("gitVersion", version), set("gitMajor", "1"), set("gitMinor", minor)].join(" ");
}

/** The directory of the control plane's binaries, kubectl and etcd, built from the Go module proxy when the cache has none. */
export function controlPlaneBinaries(
  cache: Cache,
  version: string,
  log: (line: string) => void,
): Promise<string> {
  const recipe = { ...recipeOf(version, CONTROL_PLANE), etcd: ETCD };
  return cache.get({ thing: "kubernetes", version, recipe }, async (directory) => {
    await copyFile(join(await etcdBinary(cache), "etcd"), join(directory, "etcd"));
    await buildKubernetes(directory, version, CONTROL_PLANE, log);
  });
}

/** The directory of kubelet and kube-proxy, built likewise. */
export function nodeBinaries(cache: Cache, version: string, log: (line: string) => void): Promise<string> {
  const recipe = recipeOf(version, NODE);
  return cache.get({ thing: "kubernetes-node", version, recipe }, (directory) =>
    buildKubernetes(directory, version, NODE, log),
  );
}

function recipeOf(version: string, commands: readonly string[]): Record<string, unknown> {
  return { commands, flags: linkerFlags(version), arch: process.arch };
}

async function buildKubernetes(
  out: string,
  version: string,
  commands: readonly string[],
  log: (line: string) => void,
): Promise<void> {
  const work = join(out, "work");
  await mkdir(work);
  const module = `k8s.io/kubernetes@${version}`;
  const { GoMod: goMod } = JSON.parse(await go(work, ["mod", "download", "-json", module])) as {
    GoMod: string;
  };
  await writeFile(join(work, "go.mod"), wrapperModule(version, await readFile(goMod, "utf8")));
  const packages = commands.map((command) => `k8s.io/kubernetes/cmd/${command}`);
  const imports = packages.map((path) => `import _ "${path}"\n`);
  await writeFile(join(work, "tools.go"), `//go:build tools\n\npackage tools\n\n${imports.join("")}`);
  await go(work, ["mod", "tidy"]);
  // One after the other their links, each on one CPU, would leave the others idle.
  const start = Date.now();
  await go(work, ["build", "-trimpath", "-ldflags", linkerFlags(version), "-o", `${out}/`, ...packages]);
  log(`  ${commands.join(", ")} ${version}: ${seconds(start)}`);
  await rm(work, { recursive: true });
}

// Shared by the versions of Kubernetes.
function etcdBinary(cache: Cache): Promise<string> {
  const recipe = { main: ETCD_MAIN, arch: process.arch };
  return cache.get({ thing: "etcd", version: ETCD, recipe }, async (directory) => {
    const work = join(directory, "work");
    await mkdir(work);
    await writeFile(join(work, "main.go"), ETCD_MAIN);
    await writeFile(
      join(work, "go.mod"),
      `module etcdmain\n\ngo 1.26\n\nrequire go.etcd.io/etcd/server/v3 ${ETCD}\n`,
    );
    await go(work, ["mod", "tidy"]);
    await go(work, ["build", "-trimpath", "-ldflags", "-s -w", "-o", join(directory, "etcd"), "."]);
    await rm(work, { recursive: true });
  });
}
