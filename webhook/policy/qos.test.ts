import { describe, expect, test } from "@jest/globals";
import type { Container, ResourceList } from "../../common/api/pod.ts";
import { exclusiveCpus, isGuaranteed } from "./qos.ts";
import { container, podOf } from "./testing.ts";

function sized(limits: ResourceList, requests: ResourceList = {}): Container {
  return { ...container("main"), requests, limits };
}

const full = { cpu: "2", memory: "1Gi" };

describe("the quality of service class", () => {
  test.each<[string, Container[], boolean]>([
    ["limits alone", [sized(full)], true],
    ["equal requests, written otherwise", [sized(full, { cpu: "2000m", memory: "1024Mi" })], true],
    ["a smaller request", [sized(full, { cpu: "1" })], false],
    ["a request of 0", [sized(full, { cpu: "0" })], false],
    ["no memory", [sized({ cpu: "2" })], false],
    ["a limit of 0", [sized({ cpu: "0", memory: "1Gi" })], false],
    ["requests alone", [sized({}, full)], false],
    ["one container of two without", [sized(full), sized({})], false],
    ["an init container without", [sized(full), { ...sized({}), init: true }], false],
    ["nothing", [], false],
  ])("of a pod with %s", (_, containers, guaranteed) => {
    expect(isGuaranteed(podOf({ containers }))).toBe(guaranteed);
  });

  test("is judged by the pod's own resources where it gives them", () => {
    expect(isGuaranteed(podOf({ containers: [sized({})], resources: { limits: full, requests: {} } }))).toBe(
      true,
    );
    expect(isGuaranteed(podOf({ resources: { limits: { cpu: "2" }, requests: {} } }))).toBe(false);
    expect(isGuaranteed(podOf({ resources: { limits: {}, requests: {} } }))).toBe(false);
  });
});

test("is the server's own where it has said one", () => {
  expect(isGuaranteed(podOf({ qosClass: "Burstable" }))).toBe(false);
  const empty = { limits: {}, requests: {} };
  // As from Kubernetes 1.37 on: `resources: {}` is no longer a pod's resources of which there are none.
  expect(isGuaranteed(podOf({ resources: empty, qosClass: "Guaranteed" }))).toBe(true);
  const main = container("main");
  expect(exclusiveCpus(podOf({ resources: empty, qosClass: "Guaranteed" }))(main)).toBe(2);
  expect(exclusiveCpus(podOf({ resources: empty }))(main)).toBe(0);
});

describe("exclusive CPUs", () => {
  test.each([
    ["2", 2],
    ["2000m", 2],
    ["2.0", 2],
    ["1500m", 0],
    ["500m", 0],
  ])("of %s CPUs are %d", (cpu, exclusive) => {
    const only = container("main", cpu);
    expect(exclusiveCpus(podOf({ containers: [only] }))(only)).toBe(exclusive);
  });

  test("are none in a pod that is not Guaranteed, or that gives resources as a whole", () => {
    const main = container("main");
    expect(exclusiveCpus(podOf({ containers: [main, { ...main, limits: {} }] }))(main)).toBe(0);
    expect(exclusiveCpus(podOf({ resources: { limits: full, requests: full } }))(main)).toBe(0);
  });
});
