import { describe, expect, test } from "@jest/globals";
import { parse } from "smol-toml";
import { containerdConfiguration } from "./containerd.ts";
import { crioConfiguration } from "./crio.ts";
import { kubeletConfiguration, kubeletFlags, proxyConfiguration } from "./kubelet.ts";
import { hostLayout } from "./layout.ts";
import type { Machine } from "./machine.ts";

const strong: Machine = {
  cgroup: 2,
  runc: "/usr/sbin/runc",
  lowersOomScore: true,
  hugetlb: true,
  overlay: true,
};
const weak: Machine = { ...strong, cgroup: 1, lowersOomScore: false, hugetlb: false, overlay: false };
const binaries = { crio: "/c/crio", pinns: "/c/pinns" };
const conmon = "/usr/bin/conmon";

/** Every absolute path in a value. */
function paths(value: unknown): string[] {
  if (typeof value === "string") return value.startsWith("/") ? [value] : [];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(paths) : [];
}

/** Those of the paths that are not the lab's and not programs. */
const outside = (value: unknown): string[] =>
  paths(value).filter((path) => !/^\/(lab|usr|opt|c)\//.test(path));

describe("containerdConfiguration", () => {
  const layout = hostLayout("/lab", "containerd");

  test("is a version 2 file with the default handler alone and every path in the lab", () => {
    const text = containerdConfiguration({ layout, machine: strong });
    expect(parse(text)).toMatchObject({ version: 2, grpc: { address: "/lab/node/containerd.sock" } });
    expect([...text.matchAll(/runtimes\.([a-z]+)\]/g)].map((match) => match[1])).toEqual(["runc"]);
    expect(outside(parse(text))).toEqual([]);
  });

  test.each([
    ["all it needs", strong, { restrict_oom_score_adj: false, containerd: { snapshotter: "overlayfs" } }],
    ["less", weak, { restrict_oom_score_adj: true, containerd: { snapshotter: "native" } }],
  ])("fits a machine that has %s", (_name, machine, expected) => {
    const config = parse(containerdConfiguration({ layout, machine }));
    expect(config).toMatchObject({ plugins: { "io.containerd.grpc.v1.cri": expected } });
  });
});

describe("crioConfiguration", () => {
  const layout = hostLayout("/lab", "crio");

  test.each([
    [strong, "/usr/sbin/runc"],
    [weak, "/lab/node/lab-runc"],
  ])("puts the lab's script in front of runc only where it has to", (machine, runtimePath) => {
    const config = parse(crioConfiguration({ layout, machine }, { ...binaries, conmon }));
    expect(config).toMatchObject({
      crio: { runtime: { runtimes: { runc: { runtime_path: runtimePath } } } },
    });
    expect(outside(config)).toEqual([]);
  });
});

describe("kubelet and kube-proxy", () => {
  const layout = hostLayout("/lab", "crio");

  test("keep all they write in the lab, and the CPU manager static", () => {
    const settings = { layout, port: 1, clientCa: "/lab/ca", certificate: "/lab/c", key: "/lab/k" };
    const config = kubeletConfiguration(settings);
    expect(config).toMatchObject({
      cpuManagerPolicy: "static",
      containerRuntimeEndpoint: "unix:///lab/node/crio.sock",
    });
    expect(outside([config, proxyConfiguration(layout, 1, 2)])).toEqual([]);
    expect(kubeletFlags(layout)).toContain("--root-dir=/lab/node/kubelet");
  });
});
