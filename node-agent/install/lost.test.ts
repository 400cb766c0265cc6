import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { systemClock } from "../../common/clock.ts";
import { silentLogger } from "../../common/log.ts";
import { nodeHostFs } from "../host/host-fs.ts";
import { installConfig } from "./config.ts";
import { lostEntries } from "./lost.ts";

test("entries that were lost are rebuilt on the host, once for the same ones", async () => {
  const root = mkdtempSync(join(tmpdir(), "schedgate-unit-"));
  for (const dir of ["run/schedgate/ledger", "proc/1/net"]) mkdirSync(join(root, dir), { recursive: true });
  writeFileSync(join(root, "proc/1/net/unix"), "");
  const files = nodeHostFs(root);
  const calls: string[] = [];
  const look = lostEntries({
    config: { ...installConfig({ SCHEDGATE_RUNTIME: "containerd" }), hostRoot: root },
    files,
    own: files,
    spawn: (_, args) => {
      calls.push(args.join(" "));
      return Promise.resolve({ code: 0, stdout: "", stderr: "" });
    },
    clock: systemClock,
    log: silentLogger,
  });
  await look();
  expect(calls).toEqual([]);
  writeFileSync(join(root, "run/schedgate/ledger/abc.json.unusable"), "");
  await look();
  await look();
  expect(calls).toEqual(["-t 1 -m -- /opt/schedgate/bin/schedgate-node reconcile"]);
  rmSync(root, { recursive: true });
});
