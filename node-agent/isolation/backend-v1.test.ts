import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { nodeHostFs } from "../host/host-fs.ts";
import { temporaryTree } from "../host/testing.ts";
import { backendV1 } from "./backend-v1.ts";

const tree = temporaryTree();
const { file } = tree;
beforeEach(tree.make);
afterEach(tree.remove);

function cpuset(dir: string, cpus: string, flag: string): void {
  file(`cg/${dir}/cpuset.cpus`, `${cpus}\n`);
  file(`cg/${dir}/cpuset.sched_load_balance`, `${flag}\n`);
}

describe("cgroup v1's back-end", () => {
  test("sees a CPU that came online since, and isolates nothing else for it", () => {
    const backend = backendV1(nodeHostFs(tree.root), "/cg");
    const claims = [{ id: "a", cgroup: "k/a", cpus: [1] }];
    const before = new Map([["cpuset.sched_load_balance", "1\n"]]);
    cpuset("", "0-2", "0");
    cpuset("k/a", "1", "0");
    cpuset("schedgate-housekeeping", "0,2", "1");
    file("sys/devices/system/cpu/online", "0-2\n");
    expect(backend.survey(claims, before).steps).toEqual([]);
    cpuset("", "0-3", "0");
    file("sys/devices/system/cpu/online", "0-3\n");
    expect(backend.survey(claims, before).steps).toEqual([
      { do: "write", file: "schedgate-housekeeping/cpuset.cpus", text: "0,2-3\n", own: true },
    ]);
  });
});
