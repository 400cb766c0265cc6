import { mkdirSync } from "node:fs";
import { type Server, createServer } from "node:http";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { systemClock } from "../../common/clock.ts";
import { silentLogger } from "../../common/log.ts";
import { nodeHostFs } from "../host/host-fs.ts";
import { temporaryTree } from "../host/testing.ts";
import { installConfig } from "./config.ts";
import { crio } from "./crio.ts";
import type { ContainerRuntime } from "./runtime.ts";

const tree = temporaryTree();
let server: Server;

beforeEach(async () => {
  tree.make();
  mkdirSync(join(tree.root, "run/crio"), { recursive: true });
  server = createServer((_, response) =>
    response.end('[crio]\nrunroot = "/run/storage"\nstorage_driver = "vfs"\n'),
  );
  await new Promise<void>((listening) => server.listen(join(tree.root, "run/crio/crio.sock"), listening));
});
afterEach(async () => {
  await new Promise((closed) => server.close(closed));
  tree.remove();
});

function runtime(): ContainerRuntime {
  const config = installConfig({ SCHEDGATE_RUNTIME: "crio", SCHEDGATE_HOST_ROOT: tree.root });
  const files = nodeHostFs(tree.root);
  const spawn = () => Promise.reject(new Error("not expected"));
  return crio({ config, files, own: files, spawn, clock: systemClock, log: silentLogger });
}

function stored(id: string, handler: string): void {
  const annotations = { "io.kubernetes.cri-o.RuntimeHandler": handler };
  tree.file(`run/storage/vfs-containers/${id}/userdata/config.json`, JSON.stringify({ annotations }));
}

test("CRI-O is bound by a sandbox of our handler that stays, also without a process, and by no other", async () => {
  expect(await runtime().bound()).toEqual([]);
  stored("stays", "wrapper");
  stored("theirs", "runc");
  stored("default", "");
  mkdirSync(join(tree.root, "run/storage/vfs-containers/image"));
  expect(await runtime().bound()).toEqual(["stays"]);
});
