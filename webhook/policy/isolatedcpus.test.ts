import { expect, test } from "@jest/globals";
import type { Container } from "../../common/api/pod.ts";
import { isolatedCpus } from "./isolatedcpus.ts";
import { readProfile } from "./profile.ts";
import { container, cpuIsolation, podOf } from "./testing.ts";

const profile = readProfile(cpuIsolation);
const ASK = { "schedgate.dev/cpu-isolation": "enabled" };
const FORM = "cpu-isolation.schedgate.dev/";
const init = (name: string, cpu: string): Container => ({ ...container(name, cpu), init: true });
const sidecar = (name: string, cpu: string): Container => ({ ...init(name, cpu), sidecar: true });
const two = [container("a", "2"), container("b", "4")];

const shrunk = [{ ...container("a", "7500m"), allocatedCpu: "8" }, container("b", "1")];

test.each<[string, Record<string, string>, Container[], number]>([
  ["all that ask", ASK, two, 6],
  ["only those that ask", { [`${FORM}a`]: "enabled" }, two, 2],
  ["all but those that do not", { ...ASK, [`${FORM}a`]: "disabled" }, two, 4],
  ["all, where it uses the profile without asking", {}, two, 6],
  ["all, where it says that it does not ask", { "schedgate.dev/cpu-isolation": "disabled" }, two, 6],
  ["whole CPUs alone", ASK, [container("a", "2"), container("b", "500m")], 2],
  ["a large init container", ASK, [init("i", "8"), container("a", "2")], 8],
  ["a small init container", ASK, [init("i", "1"), container("a", "2")], 2],
  ["sidecars beside the others", ASK, [sidecar("s", "1"), container("a", "2")], 3],
  [
    "init containers beside the sidecars before them",
    ASK,
    [sidecar("s", "3"), init("i", "4"), container("a")],
    7,
  ],
  [
    "init containers without the sidecars after them",
    ASK,
    [init("i", "4"), sidecar("s", "1"), container("a")],
    4,
  ],
  ["what the node still holds", ASK, [{ ...container("a", "2"), allocatedCpu: "4" }], 4],
  ["what the node still holds of a container that is to have a fraction", ASK, shrunk, 9],
  ["no more than the API can say", ASK, [container("a", "9E")], 2147483647],
])("counted are: %s", (_, annotations, containers, cpus) => {
  expect(isolatedCpus(profile, podOf({ annotations, containers }))).toBe(cpus);
});

test("what the node still holds counts where the pod gives resources as a whole since", () => {
  const containers = [{ ...container("a", "2"), allocatedCpu: "2" }];
  const resources = { limits: { cpu: "2", memory: "1Gi" }, requests: {} };
  expect(isolatedCpus(profile, podOf({ annotations: ASK, containers, resources }))).toBe(2);
});

test("a pod that is not Guaranteed has no CPUs of its own", () => {
  expect(isolatedCpus(profile, podOf({ containers: [{ ...container("a"), limits: { cpu: "2" } }] }))).toBe(0);
});
