import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { systemClock } from "../../common/clock.ts";
import { silentLogger } from "../../common/log.ts";
import { type HostFs, nodeHostFs } from "../host/host-fs.ts";
import { temporaryTree } from "../host/testing.ts";
import { installConfig } from "./config.ts";
import { crio } from "./crio.ts";
import type { Host } from "./host.ts";
import { install } from "./install.ts";
import { HOOK, LAUNCHER } from "./names.ts";
import type { ContainerRuntime } from "./runtime.ts";
import { uninstall } from "./uninstall.ts";

const HOOKS = "/hooks.d";
const tree = temporaryTree();
beforeEach(() => {
  tree.make();
  for (const name of [
    "settings.sh",
    "asking.sh",
    "companion.mjs",
    "node.mjs",
    "launcher.sh",
    "hook.sh",
    "schedgate-node.sh",
  ])
    tree.file(`app/${name}`, name);
  tree.file("app/node", "node");
  tree.file("usr/bin/runc", "runc");
  tree.file("proc/1/net/unix", "");
});
afterEach(tree.remove);

/** What a runtime could meet at each moment: the hook files that are there, and whether the binary that they name is. */
interface Moment {
  call: string;
  hooks: string[];
  binary: boolean;
}

/** The host's files; before and after each change it is noted what is there. */
function watched(moments: Moment[]): HostFs {
  const files = nodeHostFs(tree.root);
  const look = (call: string): void => {
    const dir = join(tree.root, HOOKS);
    const hooks = existsSync(dir) ? readdirSync(dir).filter((name) => name.endsWith(".json")) : [];
    moments.push({ call, hooks, binary: existsSync(join(tree.root, HOOK)) });
  };
  const around = (call: string, change: () => void): void => {
    look(`before ${call}`);
    change();
    look(call);
  };
  return {
    ...files,
    write: (path, text) => {
      around(`write ${path}`, () => {
        files.write(path, text);
      });
    },
    replace: (path, ...how) => {
      around(`replace ${path}`, () => {
        files.replace(path, ...how);
      });
    },
    remove: (path) => {
      around(`remove ${path}`, () => {
        files.remove(path);
      });
    },
  };
}

function hostOf(files: HostFs): Host {
  const env = { SCHEDGATE_RUNTIME: "crio", SCHEDGATE_HOOKS_DIR: HOOKS, SCHEDGATE_HOST_ROOT: tree.root };
  const spawn: Host["spawn"] = () => Promise.resolve({ code: 0, stdout: "", stderr: "" });
  const own = nodeHostFs(tree.root);
  return { config: installConfig(env), files, own, spawn, clock: systemClock, log: silentLogger };
}

/** A CRI-O that reads whatever it is told. */
function readingRuntime(host: Host): ContainerRuntime {
  const handler = { crio: { runtime: { runtimes: { wrapper: { runtime_path: LAUNCHER } } } } };
  return {
    ...crio(host),
    dump: () => Promise.resolve(handler),
    onDisk: () => Promise.resolve(handler),
    bound: () => Promise.resolve([]),
    apply: () => Promise.resolve(),
    applyLater: () => Promise.resolve(),
  };
}

const NAMES = ["50-schedgate-createruntime.json", "50-schedgate-poststop.json"];

test("no hook file is ever there without the binary that it names, and each appears whole", async () => {
  const moments: Moment[] = [];
  const host = hostOf(watched(moments));
  const image = { app: "/app", node: join(tree.root, "app/node"), libraries: [] };
  await install(host, readingRuntime(host), image);
  expect(moments.at(-1)).toMatchObject({ hooks: NAMES, binary: true });
  await uninstall(host, readingRuntime(host), () => Promise.resolve({ removed: true, why: "" }));
  expect(existsSync(join(tree.root, HOOK))).toBe(false);
  expect(readdirSync(join(tree.root, HOOKS))).toEqual([]);
  expect(moments.filter(({ hooks, binary }) => hooks.length > 0 && !binary)).toEqual([]);
  // By rename (HostFs.replace), never by a write into the file that a runtime reads.
  const ofHooks = moments.map(({ call }) => call).filter((call) => call.includes(HOOKS));
  expect(ofHooks.filter((call) => !call.startsWith("before "))).toEqual([
    ...NAMES.map((name) => `replace ${HOOKS}/${name}`),
    ...NAMES.map((name) => `remove ${HOOKS}/${name}`),
  ]);
});
