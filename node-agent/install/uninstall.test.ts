import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { type Logger, silentLogger } from "../../common/log.ts";
import { nodeHostFs } from "../host/host-fs.ts";
import type { Removal } from "../host/removal.ts";
import { withBlock } from "./block.ts";
import { installConfig } from "./config.ts";
import { containerd } from "./containerd.ts";
import type { Host } from "./host.ts";
import { LAUNCHER } from "./names.ts";
import { uninstall } from "./uninstall.ts";

const CONFIG = "etc/containerd/config.toml";
const registered = withBlock("version = 2\n", "a = 1\n");

let root: string;
let now: number;
let warned: { fields: object; message: string }[];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "schedgate-unit-"));
  now = 0;
  warned = [];
  file(CONFIG, registered);
  file(LAUNCHER, "");
  file("run/schedgate/lock", "");
  file("run/schedgate/asks/a/ask", "/gone\n");
  mkdirSync(join(root, "proc"));
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

function file(path: string, text: string): void {
  mkdirSync(join(root, path, ".."), { recursive: true });
  writeFileSync(join(root, path), text);
}

function text(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

function shim(pid: number): void {
  file(`proc/${pid}/cmdline`, "/usr/bin/containerd-shim-runc-v2\0-id\0x\0");
  file(`bundle/runtime`, `${LAUNCHER}\n`);
  symlinkSync("/bundle", join(root, `proc/${pid}/cwd`));
}

function host(): Host {
  const log: Logger = { ...silentLogger, warn: (fields, message) => warned.push({ fields, message }) };
  const clock = {
    now: () => new Date(now),
    sleep: (ms: number) => {
      now += ms;
      return Promise.resolve();
    },
  };
  const files = nodeHostFs(root);
  const config = {
    ...installConfig({ SCHEDGATE_RUNTIME: "containerd", SCHEDGATE_RUNTIME_RESTART: "none" }),
    hostRoot: root,
  };
  const spawn = () => Promise.reject(new Error("not expected"));
  file("proc/1/net/unix", "");
  return { config, files, own: files, spawn, clock, log };
}

/** One answer a question; the last one stays. */
function answers(...all: boolean[]): () => Promise<Removal> {
  return () => {
    const removed = (all.length > 1 ? all.shift() : all[0]) === true;
    return Promise.resolve({ removed, why: "the test says so" });
  };
}

describe("containerd's handler", () => {
  test("goes, and every file with it, where no process uses the launcher", async () => {
    const one = host();
    await uninstall(one, containerd(one), answers(true));
    expect(text(CONFIG)).toBe("version = 2\n");
    expect(existsSync(join(root, "opt/schedgate"))).toBe(false);
    expect(existsSync(join(root, "run/schedgate"))).toBe(false);
  });

  test("stays while a pod's shim uses the launcher, and the log says what to delete later", async () => {
    shim(42);
    const one = host();
    await uninstall(one, containerd(one), answers(true));
    expect(text(CONFIG)).toBe(registered);
    expect(existsSync(join(root, LAUNCHER))).toBe(true);
    const said = JSON.stringify(warned);
    for (const what of ["process 42", `/${CONFIG}`, "/opt/schedgate", "/run/schedgate"])
      expect(said).toContain(what);
  });
});

describe("CRI-O's handler", () => {
  test("waits for a launcher's delete that goes on, and every file goes after it", async () => {
    file("proc/42/cmdline", `/bin/sh\0${LAUNCHER}\0delete\0a\0`);
    const one = host();
    const clock = {
      now: () => one.clock.now(),
      sleep: (ms: number) => {
        if (now >= 5000) rmSync(join(root, "proc/42"), { recursive: true, force: true });
        return one.clock.sleep(ms);
      },
    };
    // As CRI-O says: no sandbox is left.
    const runtime = { ...containerd(one), bound: () => Promise.resolve([]) };
    await uninstall({ ...one, clock }, runtime, answers(true));
    expect(existsSync(join(root, "opt/schedgate"))).toBe(false);
    expect(existsSync(join(root, "run/schedgate"))).toBe(false);
  });
});

describe("a DaemonSet that comes back while its predecessor goes", () => {
  test("finds everything as it was", async () => {
    const one = host();
    await uninstall(one, containerd(one), answers(false));
    expect(text(CONFIG)).toBe(registered);
    expect(existsSync(join(root, LAUNCHER))).toBe(true);
    expect(existsSync(join(root, "run/schedgate/asks/a"))).toBe(true);
  });

  test("keeps the directory that its agent has mounted, and the lock", async () => {
    const one = host();
    await uninstall(one, containerd(one), answers(true, false));
    expect(readdirSync(join(root, "run/schedgate"))).toEqual(["lock"]);
  });
});
