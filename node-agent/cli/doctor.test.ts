import { describe, expect, test } from "@jest/globals";
import { type SetUp, findings, remarks } from "./doctor.ts";

const well: SetUp = {
  backendError: undefined,
  installed: { version: 1, runtime: "containerd", handler: "wrapper", config: "/etc/containerd/config.toml" },
  runtimeConfig: 'BinaryName = "/opt/schedgate/bin/launcher.sh"\n',
  kubeletState: '{"policyName":"static"}',
  kubeletStatePath: "/var/lib/kubelet/cpu_manager_state",
  staticPodsFlaw: undefined,
  hasFlock: true,
  isRoot: true,
  onFailure: "deny",
  hooks: [],
  lastFailure: undefined,
};

describe("the doctor", () => {
  test("finds nothing wrong with a node that can isolate", () => {
    expect(findings(well)).toEqual([]);
    expect(remarks(well)).toEqual([]);
  });

  test.each<[string, Partial<SetUp>]>([
    ["this kernel cannot isolate CPUs", { backendError: "this kernel cannot isolate CPUs: no cpuset" }],
    ["flock (util-linux) is not on the PATH", { hasFlock: false }],
    ["this is not root", { isRoot: false }],
    ["the runtime handler is not registered", { installed: undefined }],
    ["/etc/containerd/config.toml, which registers", { runtimeConfig: undefined }],
    ["no longer names the launcher", { runtimeConfig: "[plugins]\n" }],
    ["/var/lib/kubelet/cpu_manager_state is not there", { kubeletState: undefined }],
    ['policy is "none"', { kubeletState: '{"policyName":"none"}' }],
    ["is not JSON", { kubeletState: "{" }],
    ["static-pods:1: ", { staticPodsFlaw: '/etc/schedgate/static-pods:1: "x" is not namespace/name' }],
  ])("says: %s", (words, flaw) => {
    expect(findings({ ...well, ...flaw })).toEqual([expect.stringContaining(words)]);
  });

  test("notes what an admin chose, and what failed last", () => {
    const hooks = [{ file: "/h/a.json", reason: "always: every container triggers it" }];
    expect(remarks({ ...well, hooks, onFailure: "allow", lastFailure: "at noon: no pid" })).toEqual([
      expect.stringContaining("start all the same"),
      "hook /h/a.json: whether a HookProfile protects it is not known here (always: every container triggers it)",
      "the last failure was at noon: no pid",
    ]);
  });
});
