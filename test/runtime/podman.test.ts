import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { codeOf } from "../../common/errors.ts";
import { hookFile } from "../../node-agent/install/crio-plan.ts";
import { HOOK } from "../../node-agent/install/names.ts";
import { type Output, exec } from "../lab/exec.ts";
import { ensurePrograms } from "../lab/prerequisites.ts";
import { waitFor } from "../lab/wait.ts";
import { PARENT, recordCpus } from "./container.ts";
import { type Home, makeHome } from "./home.ts";
import { changedSettings, isolatedCpus, lastCpu, removeCgroups, settings } from "./kernel.ts";

const UID = "7c0ffee0-0000-4000-8000-000000000001";

let home: Home;
let dir: string;
let before: Map<string, string>;

function podman(...args: string[]): Promise<Output> {
  const places = [
    "--root",
    join(dir, "root"),
    "--runroot",
    join(dir, "runroot"),
    "--tmpdir",
    join(dir, "tmp"),
  ];
  const how = ["--storage-driver", "vfs", "--runtime", home.runc, "--cgroup-manager", "cgroupfs"];
  const env = { ...process.env, CONTAINERS_CONF: join(dir, "containers.conf") };
  const hooks = ["--hooks-dir", join(dir, "hooks.d")];
  return exec("podman", [...places, ...how, ...hooks, ...args], { env, timeoutMs: 60_000 });
}

/** Starts a container whose root file system is this machine's programs, as a kubelet would pin it. */
function run(name: string, ...annotations: string[]): Promise<Output> {
  recordCpus(home, UID, lastCpu);
  const identity = ["io.kubernetes.container.name=main", "io.kubernetes.cri-o.ContainerType=container"];
  return podman(
    ...["run", "--detach", "--name", name, "--network", "none", "--security-opt", "seccomp=unconfined"],
    ...["--cgroup-parent", `/${PARENT}/pod${UID}`, "--cpuset-cpus", lastCpu, "--cpu-shares", "1024"],
    ...["/bin", "/lib", "/lib64", "/usr"].flatMap((each) => ["--volume", `${each}:${each}:ro`]),
    ...[...identity, ...annotations].flatMap((each) => ["--annotation", each]),
    ...["--rootfs", join(dir, "rootfs"), "sleep", "1000"],
  );
}

function noneLeft(): true | undefined {
  try {
    removeCgroups();
    return true;
  } catch (error) {
    if (codeOf(error) === "EBUSY") return undefined;
    throw error;
  }
}

beforeAll(async () => {
  await ensurePrograms([{ program: "podman", package: "podman" }], () => undefined);
  expect(isolatedCpus()).toBe("");
  before = settings();
  home = await makeHome();
  dir = mkdtempSync(join(tmpdir(), "schedgate-podman-"));
  for (const name of ["hooks.d", "rootfs"]) mkdirSync(join(dir, name));
  for (const stage of ["createRuntime", "poststop"] as const) {
    const { name, text } = hookFile(stage);
    writeFileSync(join(dir, "hooks.d", name), text.replace(HOOK, home.hook));
  }
  // podman's own defaults ask for more than a container without CAP_SYS_RESOURCE may have.
  const limits = 'default_ulimits = ["nofile=1000:1000", "nproc=1000:1000"]';
  writeFileSync(join(dir, "containers.conf"), `[containers]\n${limits}\n[engine]\nevents_logger = "file"\n`);
}, 300_000);

afterAll(async () => {
  await podman("rm", "--all", "--force", "--time", "0");
  // conmon outlives its container by a moment, and its cgroup with it.
  await waitFor({ what: "end of podman's cgroups", timeoutMs: 20_000 }, () => Promise.resolve(noneLeft()));
  home.remove();
  rmSync(dir, { recursive: true, force: true });
}, 60_000);

describe("podman with the hook files that the installer writes", () => {
  test("runs a container that does not ask", async () => {
    expect(await run("plain")).toMatchObject({ code: 0 });
    expect(isolatedCpus()).toBe("");
    expect(await podman("rm", "--force", "--time", "0", "plain")).toMatchObject({ code: 0 });
  }, 60_000);

  test("isolates one that asks by annotation, and gives back when it is removed", async () => {
    const asked = await run("asking", "schedgate.dev/cpu-isolation=enabled", "schedgate.dev/grant=test");
    expect({ code: asked.code, stderr: asked.stderr }).toEqual({ code: 0, stderr: "" });
    expect(isolatedCpus()).toBe(lastCpu);
    expect(await podman("rm", "--force", "--time", "0", "asking")).toMatchObject({ code: 0 });
    expect(isolatedCpus()).toBe("");
    expect(changedSettings(before)).toEqual([]);
  }, 60_000);

  test("tells the reason when a container may not start", async () => {
    rmSync(home.kubeletState);
    const { code, stderr } = await podman(
      ...["run", "--rm", "--network", "none", "--security-opt", "seccomp=unconfined"],
      ...["--annotation", "schedgate.dev/grant=test"],
      ...["--annotation", "schedgate.dev/cpu-isolation=enabled", "--cgroup-parent", `/${PARENT}/pod${UID}`],
      ...["--cpuset-cpus", lastCpu, "--cpu-shares", "1024"],
      ...["/bin", "/lib", "/lib64", "/usr"].flatMap((each) => ["--volume", `${each}:${each}:ro`]),
      ...["--rootfs", join(dir, "rootfs"), "true"],
    );
    expect(code).not.toBe(0);
    expect(stderr).toContain("schedgate:");
    expect(changedSettings(before)).toEqual([]);
  }, 60_000);
});
