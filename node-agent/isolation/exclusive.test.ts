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

  test.each(["/burstable/kubepods/pod1/a", "besteffort-kubepods-pod1.slice:crio:a"])(
    "also where the kubelet's root only has a word of a QoS class in its name: %s",
    (cgroupsPath) => {
      expect(notExclusive({ ...pinned, cgroupsPath }, agreed)).toBeUndefined();
    },
  );

  test.each<[string, Partial<Pinning>, string | undefined]>([
    ["not Guaranteed", { cgroupsPath: "/burstable/kubepods/burstable/pod1/a" }, agreed],
    ["not Guaranteed", { cgroupsPath: "lab-kubepods-besteffort-pod1.slice:crio:a" }, agreed],
    ["not Guaranteed", { cgroupsPath: "kubepods-burstable-pod1.slice:crio:a" }, agreed],
    ["not Guaranteed", { cgroupsPath: "/kubepods/besteffort/pod1/a" }, agreed],
    ["no whole number", { shares: 1536 }, agreed],
    ["no whole number", { shares: 2 }, agreed],
    ["no whole number", { shares: 0 }, agreed],
    ["no whole number", { shares: undefined }, agreed],
    ["not Guaranteed", { cgroupsPath: "kubepods-burstable-pod1.slice:crio:a" }, undefined],
    ['policy is "none"', {}, state({}, "none")],
    ["no CPUs of its own", { container: "other" }, agreed],
    ["no CPUs of its own", { container: "constructor" }, agreed],
    ["no CPUs of its own", { podUID: "other" }, agreed],
    ["no CPUs of its own", {}, JSON.stringify({ policyName: "static" })],
  ])("else it is said why: %s", (why, change, text) => {
    expect(notExclusive({ ...pinned, ...change }, text)).toContain(why);
  });

  test.each<[string, Partial<Pinning>, string | undefined]>([
    ["there is no such file; SCHEDGATE_KUBELET_STATE", {}, undefined],
    ["is not JSON; SCHEDGATE_KUBELET_STATE", {}, "{"],
    ["is not JSON; SCHEDGATE_KUBELET_STATE", {}, ""],
    ["names no policy; SCHEDGATE_KUBELET_STATE", {}, "null"],
    ["entries are no object", {}, JSON.stringify({ policyName: "static", entries: 1 })],
    ["is no text", {}, state({ [uid]: { main: 1 } })],
    ['is "one"', {}, state({ [uid]: { main: "one" } })],
    ["does not tell the pod's uid", { podUID: "" }, agreed],
    ["does not tell the container's name", { container: "" }, agreed],
    ["pinned CPUs 1-2, the kernel has 0-3", { cpus: [0, 1, 2, 3] }, agreed],
  ])("or it cannot be told, which is an error: %s", (why, change, text) => {
    expect(() => notExclusive({ ...pinned, ...change }, text)).toThrow(
      expect.objectContaining({ code: "E_PINNING", message: expect.stringContaining(why) }),
    );
  });
});
