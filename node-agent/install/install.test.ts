import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { systemClock } from "../../common/clock.ts";
import { silentLogger } from "../../common/log.ts";
import { nodeHostFs } from "../host/host-fs.ts";
import { installConfig } from "./config.ts";
import { containerd } from "./containerd.ts";
import { crio } from "./crio.ts";
import type { Host } from "./host.ts";
import { install } from "./install.ts";
import { put } from "./put.ts";

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "schedgate-unit-"));
});
afterEach(() => {
  rmSync(root, { recursive: true });
});

function host(runtime: string): Host {
  const files = nodeHostFs(root);
  const config = { ...installConfig({ SCHEDGATE_RUNTIME: runtime }), hostRoot: root };
  const spawn = () => Promise.reject(new Error("not expected"));
  return { config, files, own: files, spawn, clock: systemClock, log: silentLogger };
}

describe("the runtime's configuration", () => {
  test("is refused as a symbolic link, and the setting is named", async () => {
    mkdirSync(join(root, "etc/containerd"), { recursive: true });
    symlinkSync("/nix/config.toml", join(root, "etc/containerd/config.toml"));
    const one = host("containerd");
    const installing = install(one, containerd(one), { app: "/app", node: "/node", libraries: [] });
    await expect(installing).rejects.toThrow(
      "config.toml is a symbolic link to /nix/config.toml: set SCHEDGATE_RUNTIME_CONFIG",
    );
  });

  test("of CRI-O never has another file of ours in its directory, and goes whole", () => {
    const one = host("crio");
    const runtime = crio(one);
    const wanted = runtime.registration({});
    expect(wanted.temporary).toBe("/etc/crio/.schedgate.tmp");
    put(one, wanted);
    expect(readdirSync(join(root, "etc/crio/crio.conf.d"))).toEqual(["60-schedgate.conf"]);
    for (const file of runtime.unregistration()) put(one, file);
    expect(readdirSync(join(root, "etc/crio"), { recursive: true })).toEqual(["crio.conf.d"]);
  });
});
