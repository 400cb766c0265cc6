import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { nodeIsolationParts } from "../../common/api/nodeisolation.ts";
import { nodeHostFs } from "../host/host-fs.ts";
import { temporaryTree } from "../host/testing.ts";
import { hookDirs } from "./hook-dirs.ts";
import { observedHooks, readHooks } from "./observe.ts";

const tree = temporaryTree();
const { file } = tree;
beforeEach(tree.make);
afterEach(tree.remove);

const always = '{"version":"1.0.0","when":{"always":true}}';

describe("the hook files of a node", () => {
  test("are looked for in the usual places, and where the last of CRI-O's files says", () => {
    const of = (path: string, configured = false) => ({ path, configured });
    const [share, etc] = ["/usr/share/containers/oci/hooks.d", "/etc/containers/oci/hooks.d"];
    expect(hookDirs(nodeHostFs(tree.root))).toEqual([of(share), of(etc)]);
    file("/etc/crio/crio.conf", '[crio.runtime]\nhooks_dir = ["/a"]\n');
    expect(hookDirs(nodeHostFs(tree.root))).toEqual([of(share), of(etc), of("/a", true)]);
    file("/etc/crio/crio.conf.d/10-x.conf", `[crio.runtime]\nhooks_dir = ["/b", "${etc}"]\n`);
    file("/etc/crio/crio.conf.d/20-y.conf", "[crio.image]\n");
    expect(hookDirs(nodeHostFs(tree.root))).toEqual([of(share), of(etc, true), of("/b", true)]);
  });

  test("are the *.json of directories that are there, and what cannot be seen, each with its reason", () => {
    file("/h/a.json", always);
    file("/h/b.txt", always);
    mkdirSync(join(tree.root, "/h/c.json"));
    const dirs = ["/h", "/none", "/hidden"].map((path) => ({ path, configured: path !== "/none" }));
    expect(observedHooks(readHooks(nodeHostFs(tree.root), dirs), [])).toEqual([
      { file: "/h/a.json", reason: expect.stringContaining("always") },
      { file: "/h/c.json", reason: expect.stringMatching(/^it cannot be read: .*EISDIR/) },
      { file: "/hidden", reason: expect.stringContaining("cannot be seen") },
    ]);
  });

  test("fit into the status, however many and long they are", () => {
    const key = `^${"a".repeat(5000)}$`;
    const text = JSON.stringify({ version: "1.0.0", when: { annotations: { [key]: "" } } });
    const many = Array.from({ length: 100 }, (_, i) => ({
      path: `/h/${String(i)}${"x".repeat(5000)}`,
      text,
    }));
    const list = observedHooks(many, []);
    expect(nodeIsolationParts.status.parse({ observedHooks: list })).toEqual({ observedHooks: list });
    expect(list).toHaveLength(64);
    expect(list.at(-1)?.reason).toBe("37 more files that are not named here");
  });
});
