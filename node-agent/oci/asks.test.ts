import { readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { nodeHostFs } from "../host/host-fs.ts";
import { temporaryTree } from "../host/testing.ts";
import { readAsk, sweepAsks } from "./asks.ts";

const tree = temporaryTree();
const { file } = tree;
beforeEach(tree.make);
afterEach(tree.remove);

describe("the launcher's notes", () => {
  test("tell of a started container what the daemon cannot see", () => {
    file("run/asks/a/ask", "/bundles/a\n/bundles/a/pid\n/run/runc\n");
    file("run/asks/a/config.json", "{}");
    file("run/asks/a/process", '12\n3:cpuset:/k/a\n0::/k/a\n{"policyName":"static"}');
    file("run/asks/a/static-pods", "kube-system/*\n");
    expect(readAsk(nodeHostFs(tree.root), "/run", "a")).toEqual({
      bundle: "/bundles/a",
      pidFile: "/bundles/a/pid",
      root: "/run/runc",
      config: "{}",
      process: {
        pid: 12,
        cgroups: "3:cpuset:/k/a\n0::/k/a\n",
        kubeletState: '{"policyName":"static"}',
        staticPods: "kube-system/*\n",
      },
    });
  });

  test.each([
    ["there is no kubelet's state", "12\n0::/k/a\n", { pid: 12, cgroups: "0::/k/a\n" }],
    ["the process was gone", "12\n", undefined],
    ["the note is torn", "1", undefined],
  ])("hold what they can where %s", (_, text, process) => {
    file("run/asks/a/ask", "/bundles/a\n\n\n");
    file("run/asks/a/process", text);
    expect(readAsk(nodeHostFs(tree.root), "/run", "a").process).toEqual(process);
  });

  test("that are missing are an error", () => {
    expect(() => readAsk(nodeHostFs(tree.root), "/run", "a")).toThrow("/run/asks/a does not say");
  });

  test("are swept once the bundle is gone, or where a killed create did not name it", () => {
    file("run/asks/killed/ask", "");
    file("run/asks/gone/ask", "/bundles/gone\n\n\n");
    file("run/asks/gone/reply-1", "");
    file("run/asks/here/ask", "/bundles/here\n\n\n");
    file("bundles/here/config.json", "{}");
    sweepAsks(nodeHostFs(tree.root), "/run");
    expect(readdirSync(join(tree.root, "run/asks"))).toEqual(["here"]);
  });
});
