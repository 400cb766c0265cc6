import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { withBlock, withoutBlock } from "./block.ts";
import { handlerIn, registration, unregistered } from "./containerd-plan.ts";
import * as crio from "./crio-plan.ts";
import { hookFiles } from "./crio.ts";
import { launcherConf } from "./launcher-conf.ts";
import { listeningInodes } from "./listener.ts";
import { installConfig } from "./config.ts";
import { parseToml, tomlTable } from "./toml.ts";

const path = "/etc/containerd/config.toml";
const CRI2 = 'plugins."io.containerd.grpc.v1.cri".containerd';
const CRI3 = "plugins.'io.containerd.cri.v1.runtime'.containerd";

const dumpOf = (version: number, cri: string): string => `version = ${version}
[${cri}]
  default_runtime_name = "runc"
[${cri}.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
  runtime_engine = ""
  pod_annotations = ["a.example/*"]
[${cri}.runtimes.runc.options]
  BinaryName = "/usr/local/sbin/runc"
  Root = ""
  IoUid = 0
  SystemdCgroup = true
`;
const dump2 = parseToml(dumpOf(2, CRI2), "dump");
const dump3 = parseToml(dumpOf(3, CRI3), "dump");
const handler = {
  runtime_type: "io.containerd.runc.v2",
  pod_annotations: ["a.example/*", "schedgate.dev/*", "*.schedgate.dev/*", "kubernetes.io/config.source"],
  options: { BinaryName: "/opt/schedgate/bin/launcher.sh", IoUid: 0, SystemdCgroup: true },
};

describe("our block in somebody else's file", () => {
  const text = fc.string().filter((one) => !one.includes("schedgate"));

  test("comes out byte for byte, and is there once however often it is put", () => {
    fc.assert(
      fc.property(text, (file) => {
        const once = withBlock(file, "a = 1\n");
        expect(withoutBlock(once)).toBe(file);
        expect(withBlock(once, "a = 1\n")).toBe(once);
        expect(withoutBlock(withBlock(once, "b = 2\n"))).toBe(file);
      }),
    );
  });
});

describe("containerd's handler", () => {
  test.each([
    ["version 2", "version = 2\n", dump2],
    ["no version, so 1", "[plugins.cri]\n", dump2],
    ["version 2 under containerd 2", "version = 2\n", dump3],
    ["version 3 without imports", "version = 3\n", dump3],
    ["no newline at its end", 'version = 2\nroot = "/r"', dump2],
  ])(
    "goes into a marked block of a config.toml with %s, as the default one is but for its binary",
    (_, text, dump) => {
      const wanted = registration(path, text, dump);
      expect(wanted.path).toBe(path);
      expect(handlerIn(parseToml(wanted.text ?? "", "wanted"))).toMatchObject(handler);
      expect(registration(path, wanted.text, dump)).toEqual(wanted);
      expect(unregistered(wanted.text ?? "")).toBe(text);
    },
  );

  test("goes into a drop-in where drop-ins merge and ours is imported", () => {
    const text = 'version = 3\nimports = ["/etc/containerd/conf.d/*.toml"]\n';
    const wanted = registration(path, text, dump3);
    expect(wanted.path).toBe("/etc/containerd/conf.d/schedgate.toml");
    expect(parseToml(wanted.text ?? "", "drop-in")).toMatchObject({ version: 3 });
    expect(handlerIn(parseToml(wanted.text ?? "", "drop-in"))).toMatchObject(handler);
  });

  test("makes a config.toml where there is none, which goes with it", () => {
    const wanted = registration(path, undefined, dump3);
    expect(handlerIn(parseToml(wanted.text ?? "", "made"))).toMatchObject(handler);
    expect(registration(path, wanted.text, dump3)).toEqual(wanted);
    expect(unregistered(wanted.text ?? "")).toBeUndefined();
    expect(unregistered("version = 2\n")).toBe("version = 2\n");
  });

  test("that somebody else has under this name is left alone", () => {
    const text = `version = 2\n[${CRI2}.runtimes.wrapper]\nruntime_type = "io.containerd.runc.v2"\n`;
    expect(() => registration(path, text, dump2)).toThrow("already that is not schedgate's");
  });

  test("is refused where the default runtime is no runc", () => {
    const kata = parseToml(dumpOf(2, CRI2).replace("runc.v2", "kata.v2"), "dump");
    expect(() => registration(path, "version = 2\n", kata)).toThrow("io.containerd.kata.v2");
    expect(() => registration(path, "version = \n", dump2)).toThrow(`${path} is not TOML`);
  });
});

describe("CRI-O's handler", () => {
  const config = parseToml(
    `[crio.runtime]\ndefault_runtime = "crun"\n[crio.runtime.runtimes.crun]\nruntime_path = "/usr/bin/crun"
runtime_root = "/run/crun"\nruntime_type = ""\nmonitor_path = "/usr/bin/conmon"\nallowed_annotations = ["x"]
monitor_env = ["PATH=/bin"]\nprivileged_without_host_devices = false\n`,
    "crio",
  );

  test("is the default one with the launcher, and may pass none of CRI-O's own annotations", () => {
    expect(crio.defaultRunc(config)).toBe("/usr/bin/crun");
    expect(crio.handlerIn(parseToml(crio.dropIn(config), "drop-in"))).toEqual({
      runtime_path: "/opt/schedgate/bin/launcher.sh",
      runtime_type: "oci",
      runtime_root: "/run/crun",
      monitor_path: "/usr/bin/conmon",
      monitor_env: ["PATH=/bin"],
      privileged_without_host_devices: false,
    });
  });

  // What follows a poststart that failed is not the same in runc and crun.
  test("has hook files of the stages createRuntime and poststop, one each, and of no other", () => {
    const stages = hookFiles("/hooks.d").map(({ path, text }) => ({
      path,
      ...(JSON.parse(text) as { stages: string[]; hook: { args: string[] } }),
    }));
    expect(stages).toEqual(
      ["createRuntime", "poststop"].map((stage) =>
        expect.objectContaining({
          path: `/hooks.d/50-schedgate-${stage.toLowerCase()}.json`,
          stages: [stage],
          hook: expect.objectContaining({ args: ["hook.sh", stage] }),
        }),
      ),
    );
  });

  test("has hook files whose anchored pattern matches what asks, and nothing else", () => {
    const { text } = crio.hookFile("poststop");
    const hook = JSON.parse(text) as { stages: string[]; when: { annotations: Record<string, string> } };
    expect(hook.stages).toEqual(["poststop"]);
    const [[key, value] = ["", ""]] = Object.entries(hook.when.annotations);
    const matches = (name: string): boolean => new RegExp(key).test(name);
    expect(["schedgate.dev/cpu-isolation", "cpu-isolation.schedgate.dev/main"].map(matches)).toEqual([
      true,
      true,
    ]);
    expect(
      ["xschedgate.dev/cpu-isolation", "schedgateXdev/cpu-isolation", "schedgate.dev/cpu-isolation2"].map(
        matches,
      ),
    ).toEqual([false, false, false]);
    expect(value).toBe("^enabled$");
  });
});

test("the listener of a socket is told by its inode, by either name of /run", () => {
  const table = `Num       RefCount Protocol Flags    Type St Inode Path
0000: 00000002 00000000 00010000 0001 01 26405 /run/containerd/containerd.sock
0000: 00000003 00000000 00000000 0001 03 26406 /run/containerd/containerd.sock
0000: 00000002 00000000 00010000 0001 01 99 /run/containerd/containerd.sock.ttrpc
0000: 00000002 00000000 00010000 0005 01 18139 /run/udev/control\n`;
  expect(listeningInodes(table, "/run/containerd/containerd.sock")).toEqual(["26405"]);
  expect(listeningInodes(table, "/var/run/containerd/containerd.sock")).toEqual(["26405"]);
  expect(listeningInodes(table, "/run/crio/crio.sock")).toEqual([]);
});

test("launcher.conf quotes whatever a path holds", () => {
  const config = { ...installConfig({ SCHEDGATE_RUNTIME: "crio" }), runDir: "/run/it's $HOME `x`" };
  expect(launcherConf(config, "/usr/sbin/runc", "")).toContain(
    String.raw`schedgate_run='/run/it'\''s $HOME ${"`x`"}'`,
  );
});

test("launcher.conf bounds the companion below the time-out of the hook files", () => {
  const config = installConfig({ SCHEDGATE_RUNTIME: "crio", SCHEDGATE_COMPANION_SECONDS: "80" });
  expect(launcherConf(config, "/usr/sbin/runc", "")).toContain("schedgate_companion_seconds='80'\n");
  const { hook } = JSON.parse(crio.hookFile("createRuntime").text) as { hook: { timeout: number } };
  expect(hook.timeout).toBeGreaterThan(80);
  for (const wrong of ["81", "0", "1.5", "", "x"])
    expect(() => installConfig({ SCHEDGATE_RUNTIME: "crio", SCHEDGATE_COMPANION_SECONDS: wrong })).toThrow(
      `SCHEDGATE_COMPANION_SECONDS is "${wrong}"`,
    );
});

test("a wrong setting is named", () => {
  expect(() => installConfig({ SCHEDGATE_RUNTIME: "docker" })).toThrow('SCHEDGATE_RUNTIME is "docker"');
});

test("TOML that we write is read back as it was", () => {
  const value = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.array(fc.string()));
  const key = fc.string({ minLength: 1 }).filter((one) => one !== "__proto__");
  fc.assert(
    fc.property(fc.dictionary(key, value, { noNullPrototype: true }), (table) => {
      expect(parseToml(tomlTable(["a", "b.c"], table), "written")).toEqual({ a: { "b.c": table } });
    }),
  );
});
