import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect } from "@jest/globals";
import { buildCrio } from "../lab/crio/build.ts";
import { must } from "../lab/exec.ts";
import { baseImages } from "../lab/host/base-images.ts";
import { crio, crioConfiguration } from "../lab/host/crio.ts";
import { installLowLevelRuntime } from "../lab/host/low-level-runtime.ts";
import { findProgram } from "../lab/prerequisites.ts";
import { waitFor } from "../lab/wait.ts";
import { testOn } from "../prerequisite.ts";
import { type BareRuntime, bareRuntime, cache, contents } from "./bare-runtime.ts";
import { changedSettings, isolatedCpus, lacksV1, lastCpu, removeCgroups, settings } from "./kernel.ts";

let node: BareRuntime;
let before: Map<string, string>;

beforeEach(async () => {
  if (lacksV1 !== undefined) return;
  expect(isolatedCpus()).toBe("");
  before = settings();
  node = await bareRuntime("crio");
}, 600_000);
afterEach(async () => {
  if (lacksV1 !== undefined) return;
  await node.close();
  removeCgroups();
}, 60_000);

async function bringUp(version: string): Promise<void> {
  const { layout, machine } = node;
  const binaries = await buildCrio(cache, () => undefined, version);
  mkdirSync(layout.runtimeConfig, { recursive: true });
  await installLowLevelRuntime(layout, machine);
  const policy = { default: [{ type: "insecureAcceptAnything" }] };
  writeFileSync(join(layout.runtimeData, "policy.json"), JSON.stringify(policy));
  const main = join(layout.runtimeData, "crio.conf");
  const conmon = findProgram("conmon", process.env["PATH"]) ?? "conmon";
  writeFileSync(main, crioConfiguration(node, { ...binaries, conmon }));
  writeFileSync(join(layout.runtimeConfig, "10-theirs.conf"), '# theirs\n[crio.runtime]\nlog_level = "info"');
  for (const { name, archive } of await baseImages({ cache })) await crio.loadImage(node, archive, name);
  await node.start(binaries.crio, ["--config", main, "--config-dir", layout.runtimeConfig]);
}

async function handlers(): Promise<string> {
  const { stdout } = await node.crictl("info");
  return stdout;
}

const ASKS = { "schedgate.dev/cpu-isolation": "enabled", "schedgate.dev/grant": "trading" };

async function expectGivenBack(): Promise<void> {
  await waitFor({ what: "end of isolation", timeoutMs: 30_000 }, () =>
    Promise.resolve(isolatedCpus() === "" ? true : undefined),
  );
  expect(changedSettings(before)).toEqual([]);
}

type Noter = "hook" | "launcher";

/** Who noted the containers that live now; a hook notes the state that it was given, too. */
function notedBy(): Noter[] {
  const asks = join(node.dir, "run/asks");
  const all = readdirSync(asks).map((id) => (existsSync(join(asks, id, "state")) ? "hook" : "launcher"));
  return [...new Set(all)];
}

/** A pod of this handler is isolated; one whose CPUs are not the kubelet's fails at this call, and crictl shows why. */
async function expectIsolatedOrRefused(
  handler: string,
  refusedAt: "create" | "start",
  by: Noter,
): Promise<void> {
  const ids = await node.runPod(handler, ASKS);
  expect(isolatedCpus()).toBe(lastCpu);
  expect(notedBy()).toEqual([by]);
  await node.removePod(ids);
  await expectGivenBack();

  const why = `crictl ${refusedAt} .*schedgate: the kubelet pinned CPUs 0, the kernel has ${lastCpu}`;
  await expect(node.runPod(handler, ASKS, "0")).rejects.toThrow(new RegExp(why, "s"));
  await expectGivenBack();
}

describe("CRI-O with hook files and a pod of the plain handler", () => {
  testOn(lacksV1)(
    "isolates by them alone, and where they refuse, crictl shows why",
    async () => {
      await bringUp("v1.36.3");
      await node.installer("install");
      await expectIsolatedOrRefused("runc", "create", "hook");
    },
    600_000,
  );
});

describe("CRI-O with the handler alone", () => {
  testOn(lacksV1)(
    "isolates by it, and where it refuses, crictl shows why",
    async () => {
      await bringUp("v1.36.3");
      node.installerEnv["SCHEDGATE_HOOKS_DIR"] = join(node.dir, "nobody-reads-them");
      await node.installer("install");
      await expectIsolatedOrRefused("wrapper", "start", "launcher");
    },
    600_000,
  );
});

describe("CRI-O with a pod that outlives the uninstall", () => {
  testOn(lacksV1)(
    "keeps handler and launcher, which the pod's end needs, until the next uninstall",
    async () => {
      await bringUp("v1.36.3");
      const theirs = await contents(node.layout.runtimeConfig);
      await node.installer("install");
      const ids = await node.runPod("wrapper", ASKS);
      const log = await node.installer("uninstall");
      for (const what of [ids.pod, "/opt/schedgate", "60-schedgate.conf"]) expect(log).toContain(what);
      expect(existsSync("/opt/schedgate/bin/launcher.sh")).toBe(true);
      expect(existsSync(join(node.layout.runtimeConfig, "60-schedgate.conf"))).toBe(true);
      expect(await contents(node.layout.hooks)).toEqual(new Map());
      expect(await handlers()).toContain('"wrapper"');
      expect(isolatedCpus()).toBe(lastCpu);

      await node.removePod(ids);
      await expectGivenBack();
      await node.installer("uninstall");
      expect(await contents(node.layout.runtimeConfig)).toEqual(theirs);
      for (const gone of ["/opt/schedgate", join(node.dir, "run")]) expect(existsSync(gone)).toBe(false);
    },
    600_000,
  );
});

describe.each(["v1.34.0", "v1.36.3"])("CRI-O %s", (version) => {
  testOn(lacksV1)(
    "gets a drop-in that runs an isolated pod, comes once, and goes byte for byte",
    async () => {
      await bringUp(version);
      const theirs = await contents(node.layout.runtimeConfig);
      await node.installer("install");
      expect(await handlers()).toContain('"wrapper"');
      const files = await contents(node.layout.runtimeConfig);
      expect([...files.keys()].filter((path) => !theirs.has(path))).toEqual([
        join(node.layout.runtimeConfig, "60-schedgate.conf"),
      ]);
      const listeners = await must("ss", ["-xlpH"]);
      await node.installer("install");
      expect(await must("ss", ["-xlpH"])).toBe(listeners);

      const ids = await node.runPod("wrapper", ASKS);
      expect(isolatedCpus()).toBe(lastCpu);
      await node.removePod(ids);
      await waitFor({ what: "end of isolation", timeoutMs: 15_000 }, () =>
        Promise.resolve(isolatedCpus() === "" ? true : undefined),
      );

      await node.installer("uninstall");
      expect(await contents(node.layout.runtimeConfig)).toEqual(theirs);
      expect(await contents(node.layout.hooks)).toEqual(new Map());
      for (const gone of ["/opt/schedgate", join(node.dir, "run")]) expect(existsSync(gone)).toBe(false);
      await waitFor({ what: "CRI-O without the handler", timeoutMs: 30_000 }, async () => {
        const info = await handlers();
        return info !== "" && !info.includes('"wrapper"') ? true : undefined;
      });
      expect(changedSettings(before)).toEqual([]);
    },
    600_000,
  );
});
