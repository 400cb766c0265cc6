import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "@jest/globals";
import { type Spread, isIsolated } from "../demo/spread.ts";
import { nodeHostFs } from "../../node-agent/host/host-fs.ts";
import { failuresIn } from "../../node-agent/isolation/failures.ts";
import { exec } from "../lab/exec.ts";
import { waitFor } from "../lab/wait.ts";
import { type TestContainer, container } from "./container.ts";
import { companionEnv, configure, type Home, hooksOf, makeHome } from "./home.ts";
import {
  changedSettings,
  expectBalancing,
  isolatedCpus,
  lastCpu,
  removeCgroups,
  settings,
  spread,
} from "./kernel.ts";

let home: Home;
let before: Map<string, string>;
const made: TestContainer[] = [];

function make(...[spec, launcher]: [Parameters<typeof container>[1], boolean?]): TestContainer {
  const one = container(home, spec, launcher);
  made.push(one);
  return one;
}

function reconcile(): Promise<{ stdout: string }> {
  return exec(process.execPath, [home.companion, "reconcile"], { env: companionEnv(home) });
}

/** No daemon runs here: a cpuset that another program makes meanwhile ends the isolation, and the measurement is void. */
async function spreadWhileIsolated(): Promise<Spread> {
  for (let attempt = 0; attempt < 5; attempt += 1) {
    await reconcile();
    const measured = await spread();
    if (isolatedCpus() === lastCpu) return measured;
  }
  throw new Error("other programs make cpusets all the time: load balancing can't be measured");
}

/** The companion gives back beside the delete, not before it. */
async function expectAsBefore(): Promise<void> {
  await waitFor({ what: "end of isolation", timeoutMs: 20_000 }, () =>
    Promise.resolve(existsSync(join(home.run, "before.json")) ? undefined : true),
  );
  expect(isolatedCpus()).toBe("");
  expect(changedSettings(before)).toEqual([]);
}

beforeAll(async () => {
  expect(isolatedCpus()).toBe(""); // somebody else's isolation would make each answer below meaningless
  before = settings();
  home = await makeHome();
}, 60_000);

afterEach(async () => {
  for (const one of made.splice(0)) await one.run("delete", "--force", one.id);
  configure(home);
  removeCgroups();
}, 60_000);

afterAll(() => {
  home.remove();
});

describe("a container that asks and has CPUs of its own", () => {
  test("starts with them isolated, by flags and by behaviour, and gives them back when it is deleted", async () => {
    await expectBalancing();
    const one = make({ id: "one", cpus: lastCpu, ask: "enabled" });
    expect(await one.create()).toMatchObject({ code: 0 });
    expect(isolatedCpus()).toBe("");
    expect(await one.start()).toMatchObject({ code: 0, stdout: "", stderr: "" });
    expect(isolatedCpus()).toBe(lastCpu);
    expect(isIsolated(await spreadWhileIsolated())).toBe(true);
    expect((await one.run("state", "one")).stdout).toContain('"status": "running"');
    expect(await one.remove()).toMatchObject({ code: 0 });
    await expectAsBefore();
    await expectBalancing();
  }, 60_000);

  test("runs what is executed in it later on its CPUs", async () => {
    const one = make({ id: "probed", cpus: lastCpu, ask: "enabled" });
    await one.create();
    await one.start();
    const { code, stdout } = await one.run(
      "exec",
      "probed",
      "grep",
      "Cpus_allowed_list",
      "/proc/self/status",
    );
    expect({ code, allowed: stdout.trim().split(/\s+/)[1] }).toEqual({ code: 0, allowed: lastCpu });
    expect(isolatedCpus()).toBe(lastCpu);
    await one.remove();
    await expectAsBefore();
  }, 60_000);

  test("is isolated by OCI hooks alone, where the handler is the plain runtime", async () => {
    const one = make({ id: "hooked", cpus: lastCpu, ask: "enabled", hooks: hooksOf(home) }, false);
    expect(await one.create()).toMatchObject({ code: 0 });
    expect(isolatedCpus()).toBe(lastCpu);
    expect(await one.start()).toMatchObject({ code: 0 });
    expect(await one.remove()).toMatchObject({ code: 0 });
    await expectAsBefore();
  }, 60_000);

  test("meets hook and launcher in the same owner", async () => {
    const one = make({ id: "both", cpus: lastCpu, ask: "enabled", hooks: hooksOf(home) });
    expect(await one.create()).toMatchObject({ code: 0 });
    expect(await one.start()).toMatchObject({ code: 0 });
    expect(readdirSync(join(home.run, "ledger"))).toEqual(["both.json"]);
    expect(await one.remove()).toMatchObject({ code: 0 });
    await expectAsBefore();
  }, 60_000);

  test("keeps them when an older container that had them is deleted late", async () => {
    const old = make({ id: "old", cpus: lastCpu, ask: "enabled" });
    await old.create();
    await old.start();
    process.kill(old.pid(), "SIGKILL");
    await waitFor({ what: "end of the old container", timeoutMs: 10_000 }, async () =>
      (await old.run("state", "old")).stdout.includes('"stopped"') ? true : undefined,
    );
    const young = make({ id: "young", cpus: lastCpu, ask: "enabled" });
    await young.create();
    expect(await young.start()).toMatchObject({ code: 0 });
    expect(await old.run("delete", "old")).toMatchObject({ code: 0 });
    expect(isolatedCpus()).toBe(lastCpu);
    await young.remove();
    await expectAsBefore();
  }, 60_000);
});

const STATIC = { "kubernetes.io/config.source": "file" };

test("a container of a static pod that the node's list names is isolated", async () => {
  writeFileSync(join(home.dir, "static-pods"), "test/listed\n");
  configure(home, `schedgate_static_pods='${join(home.dir, "static-pods")}'`);
  const one = make({ id: "listed", cpus: lastCpu, ask: "enabled", annotations: STATIC });
  await one.create();
  expect(await one.start()).toMatchObject({ code: 0 });
  expect(isolatedCpus()).toBe(lastCpu);
  await one.remove();
  await expectAsBefore();
}, 60_000);

describe("a container that asks in vain", () => {
  test("starts without isolation where the kubelet's record does not give it its CPUs, and the ledger says why", async () => {
    const one = make({ id: "shared", cpus: lastCpu, ask: "enabled" });
    writeFileSync(home.kubeletState, JSON.stringify({ policyName: "none", defaultCpuSet: "", checksum: 1 }));
    await one.create();
    expect(await one.start()).toMatchObject({ code: 0 });
    expect(isolatedCpus()).toBe("");
    expect(readFileSync(join(home.run, "ledger/shared.json"), "utf8")).toContain('policy is \\"none\\"');
    await one.remove();
    writeFileSync(home.kubeletState, JSON.stringify({ entries: {} }));
    await expectAsBefore();
  }, 60_000);

  test.each<[string, Record<string, string>, string]>([
    ["of a pod that no grant admitted", {}, "did not pass schedgate's admission"],
    ["of a static pod, whatever it claims", { ...STATIC, "schedgate.dev/grant": "x" }, "it is a static pod"],
  ])(
    "starts without isolation, %s, and the ledger says why",
    async (_, annotations, words) => {
      const one = make({ id: "outside", cpus: lastCpu, ask: "enabled", annotations });
      await one.create();
      expect(await one.start()).toMatchObject({ code: 0 });
      expect(isolatedCpus()).toBe("");
      expect(readFileSync(join(home.run, "ledger/outside.json"), "utf8")).toContain(words);
      await one.remove();
      await expectAsBefore();
    },
    60_000,
  );

  test("does not start where isolation fails, and containerd's log file says why", async () => {
    configure(home, "schedgate_cgroup_root=/nonexistent");
    const one = make({ id: "denied", cpus: lastCpu, ask: "enabled" });
    await one.create();
    expect(await one.start()).toMatchObject({ code: 1 });
    const last = readFileSync(join(one.bundle, "log.json"), "utf8").trim().split("\n").at(-1) ?? "";
    expect(JSON.parse(last)).toMatchObject({
      level: "error",
      msg: expect.stringContaining("this kernel cannot isolate CPUs"),
    });
    expect((await one.run("state", "denied")).stdout).toContain('"status": "created"');
    configure(home);
    await one.remove();
    await expectAsBefore();
  }, 60_000);

  test("starts all the same where the admin chose so", async () => {
    configure(home, "schedgate_cgroup_root=/nonexistent", "schedgate_on_failure=allow");
    const one = make({ id: "allowed", cpus: lastCpu, ask: "enabled" });
    await one.create();
    expect(await one.start()).toMatchObject({ code: 0 });
    const failure = join(home.run, "failures/allowed");
    expect(readFileSync(failure, "utf8")).toContain("this kernel cannot isolate CPUs");
    configure(home);
    await one.remove();
    await waitFor({ what: "end of the note", timeoutMs: 10_000 }, () =>
      Promise.resolve(existsSync(failure) ? undefined : true),
    );
    await expectAsBefore();
  }, 60_000);
});

describe("a container that asks while the companion hangs", () => {
  // It reads the kubelet's state from a FIFO that nobody writes to.
  const hang = async (onFailure: string): Promise<void> => {
    const fifo = join(home.dir, "never");
    if (!existsSync(fifo)) expect(await exec("mkfifo", [fifo])).toMatchObject({ code: 0 });
    configure(
      home,
      `schedgate_kubelet_state='${fifo}'`,
      "schedgate_companion_seconds=2",
      `schedgate_on_failure=${onFailure}`,
    );
  };
  const KILLED = "the companion was killed, it has 2 s";

  test("is refused, with the reason in containerd's log file, where failures deny", async () => {
    await hang("deny");
    const one = make({ id: "hung-deny", cpus: lastCpu, ask: "enabled" });
    await one.create();
    expect(await one.start()).toMatchObject({ code: 1 });
    expect(readFileSync(join(one.bundle, "log.json"), "utf8")).toContain(`"msg":"schedgate: ${KILLED}`);
    expect((await one.run("state", one.id)).stdout).toContain('"status": "created"');
    configure(home);
    await one.remove();
    await expectAsBefore();
  }, 60_000);

  test("starts, and is named until it is deleted, where failures allow", async () => {
    await hang("allow");
    const one = make({ id: "hung-allow", cpus: lastCpu, ask: "enabled" });
    await one.create();
    expect(await one.start()).toMatchObject({ code: 0 });
    expect((await one.run("state", one.id)).stdout).toContain('"status": "running"');
    configure(home);
    expect(failuresIn(nodeHostFs(), home.run)).toEqual([
      expect.stringContaining(`container hung-allow was started without isolation: ${KILLED}`),
    ]);
    await one.remove();
    await waitFor({ what: "end of the note", timeoutMs: 20_000 }, () =>
      Promise.resolve(failuresIn(nodeHostFs(), home.run).length === 0 ? true : undefined),
    );
    await expectAsBefore();
  }, 60_000);

  test("is not created by hooks alone, and stderr says why, where failures deny", async () => {
    await hang("deny");
    const one = make({ id: "hung-hook-deny", cpus: lastCpu, ask: "enabled", hooks: hooksOf(home) }, false);
    expect(await one.create()).toMatchObject({ code: 1 });
    expect(readFileSync(join(one.bundle, "out"), "utf8")).toContain(KILLED);
    await expectAsBefore();
  }, 60_000);

  test("is created by hooks alone, and somebody is told, where failures allow", async () => {
    await hang("allow");
    const one = make({ id: "hung-hook-allow", cpus: lastCpu, ask: "enabled", hooks: hooksOf(home) }, false);
    expect(await one.create()).toMatchObject({ code: 0 });
    expect(await one.start()).toMatchObject({ code: 0 });
    expect(failuresIn(nodeHostFs(), home.run)).toEqual([
      expect.stringContaining(`container hung-hook-allow was started without isolation: ${KILLED}`),
    ]);
    configure(home);
    await one.remove();
    expect(failuresIn(nodeHostFs(), home.run)).toEqual([]);
    await expectAsBefore();
  }, 60_000);
});

describe("a container that asks while nothing can be written to /run", () => {
  test.each([
    ["full", ["-t", "tmpfs", "-o", "size=16k,nr_inodes=8"], "fill"],
    ["read-only", ["-t", "tmpfs", "-o", "ro"], "none"],
  ])(
    "(%s) is refused with a reason, isolates nothing, and starts once it can",
    async (_, options, filled) => {
      const one = make({ id: "unwritable", cpus: lastCpu, ask: "enabled" });
      mkdirSync(home.run, { recursive: true });
      expect(await exec("mount", [...options, "none", home.run])).toMatchObject({ code: 0 });
      try {
        if (filled === "fill")
          await exec("sh", [
            "-c",
            `dd if=/dev/zero of="${home.run}/fill" bs=4k; for i in 1 2 3 4 5 6 7 8; do : >"${home.run}/$i"; done`,
          ]);
        const refused = await one.run("create", "--bundle", one.bundle, one.id);
        expect(refused).toMatchObject({ code: 1 });
        const log = readFileSync(join(one.bundle, "log.json"), "utf8");
        expect(log).toContain(`cannot write ${home.run}/asks/unwritable`);
        expect(isolatedCpus()).toBe("");
      } finally {
        await exec("umount", [home.run]);
      }
      await one.create();
      expect(await one.start()).toMatchObject({ code: 0 });
      expect(isolatedCpus()).toBe(lastCpu);
      await one.remove();
      await expectAsBefore();
    },
    60_000,
  );
});

describe("a container that asks for nothing", () => {
  test.each([
    ["that mentions nothing of ours", undefined],
    ["that says disabled", "disabled"],
  ])(
    "%s is left alone",
    async (_, ask) => {
      const one = make({ id: "plain", cpus: lastCpu, ...(ask === undefined ? {} : { ask }) });
      await one.create();
      expect(await one.start()).toMatchObject({ code: 0 });
      expect(isolatedCpus()).toBe("");
      await one.remove();
      await expectAsBefore();
    },
    60_000,
  );
});

describe("state files that cannot be used", () => {
  test.each([
    ["torn", (text: string) => text.slice(0, text.length / 2)],
    ["empty", () => ""],
    ["foreign", () => "[1]"],
    ["of a later version", (text: string) => text.replace('"version":1', '"version":2')],
  ])(
    "%s: are set aside by name, and rebuilt from the living container",
    async (_, damage) => {
      const one = make({ id: "damaged", cpus: lastCpu, ask: "enabled" });
      await one.create();
      expect(await one.start()).toMatchObject({ code: 0 });
      const files = [join(home.run, "ledger/damaged.json"), join(home.run, "before.json")];
      const whole = files.map((path) => readFileSync(path, "utf8"));
      for (const [index, path] of files.entries()) writeFileSync(path, damage(whole[index] ?? ""));
      expect(JSON.parse((await reconcile()).stdout)).toMatchObject({
        owners: [{ id: "damaged", cpus: lastCpu, namespace: "test", container: "main" }],
        proof: { missing: [] },
        problems: files.map((path) => expect.stringContaining(`${path}.unusable`)),
      });
      expect(isolatedCpus()).toBe(lastCpu);
      for (const path of files) rmSync(`${path}.unusable`);
      await one.remove();
      await expectAsBefore();
    },
    60_000,
  );
});

describe("SIGKILL of the companion at any moment", () => {
  test("is put right by the next reconcile", async () => {
    for (let delay = 0; delay < 140; delay += 10) {
      const one = make({ id: `killed${delay}`, cpus: lastCpu, ask: "enabled" });
      await one.create();
      await exec(process.execPath, [home.companion, "start", one.id], {
        env: companionEnv(home),
        timeoutMs: delay + 1,
      });
      const owned = existsSync(join(home.run, "ledger", `${one.id}.json`));
      expect(JSON.parse((await reconcile()).stdout)).toMatchObject({ proof: { missing: [] }, problems: [] });
      expect(isolatedCpus()).toBe(owned ? lastCpu : "");
      await one.remove();
      await expectAsBefore();
    }
  }, 120_000);
});
