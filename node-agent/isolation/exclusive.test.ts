import { describe, expect, test } from "@jest/globals";
import { type Pinning, notExclusive } from "./exclusive.ts";

const uid = "86901f91-4221-4d22-b134-b0071cd68c15";
const state = (entries: object, policyName = "static"): string =>
  JSON.stringify({ policyName, defaultCpuSet: "0,3", entries, checksum: 1 });
const pinned: Pinning = {
  podUID: uid,
  container: "main",
  cgroupsPath: `kubepods-pod${uid.replaceAll("-", "_")}.slice:cri-containerd:abc`,
  shares: 2048,
  cpus: [1, 2],
};
const agreed = state({ [uid]: { main: "1-2" } });

describe("CPUs are exclusive", () => {
  test("where QoS class, shares and the kubelet's record agree", () => {
    expect(notExclusive(pinned, agreed)).toBeUndefined();
  });

  test.each<[string, Partial<Pinning>, string | undefined]>([
    ["not Guaranteed", { cgroupsPath: "kubepods-burstable-pod1.slice:crio:a" }, agreed],
    ["not Guaranteed", { cgroupsPath: "/kubepods/besteffort/pod1/a" }, agreed],
    ["no whole number", { shares: 1536 }, agreed],
    ["no whole number", { shares: 2 }, agreed],
    ["no whole number", { shares: 0 }, agreed],
    ["no whole number", { shares: undefined }, agreed],
    ["has no cpu_manager_state", {}, undefined],
    ["is not JSON", {}, "{"],
    ['policy is "none"', {}, state({}, "none")],
    ["policy is undefined", {}, "null"],
    ["no CPUs of its own", { container: "other" }, agreed],
    ["no CPUs of its own", { podUID: "" }, agreed],
    ["pinned CPUs 1-2, the kernel has 0-3", { cpus: [0, 1, 2, 3] }, agreed],
  ])("else it is said why: %s", (why, change, text) => {
    expect(notExclusive({ ...pinned, ...change }, text)).toContain(why);
  });
});
