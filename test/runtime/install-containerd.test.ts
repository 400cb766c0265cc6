import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect } from "@jest/globals";
import { type TomlTable, parseToml, tableAt } from "../../node-agent/install/toml.ts";
import { buildContainerd } from "../lab/containerd/build.ts";
import { must } from "../lab/exec.ts";
import { baseImages } from "../lab/host/base-images.ts";
import { containerd, containerdConfiguration } from "../lab/host/containerd.ts";
import { findProgram } from "../lab/prerequisites.ts";
import { waitFor } from "../lab/wait.ts";
import { testOn } from "../prerequisite.ts";
import { type BareRuntime, bareRuntime, cache } from "./bare-runtime.ts";
import { changedSettings, isolatedCpus, lacksV1, lastCpu, removeCgroups, settings } from "./kernel.ts";

const LAUNCHER = "/opt/schedgate/bin/launcher.sh";
const ANNOTATIONS = {
  "schedgate.dev/cpu-isolation": "enabled",
  "cpu-isolation.schedgate.dev/main": "enabled",
  "schedgate.dev/grant": "trading",
};

let node: BareRuntime;
let before: Map<string, string>;

beforeEach(async () => {
  if (lacksV1 !== undefined) return;
  expect(isolatedCpus()).toBe("");
  before = settings();
  node = await bareRuntime("containerd");
}, 600_000);
afterEach(async () => {
  if (lacksV1 !== undefined) return;
  await node.close();
  removeCgroups();
}, 60_000);

async function programOf(release: string): Promise<string> {
  if (release === "Debian's") return findProgram("containerd", process.env["PATH"]) ?? "containerd";
  return join(await buildContainerd(cache, release, () => undefined), "containerd");
}

/** What a person may have in it: comments, an import, and no newline at the end. */
async function configure(program: string, form: string): Promise<string> {
  const path = node.layout.runtimeConfig;
  const more = join(node.dir, "more");
  for (const dir of [dirname(path), more]) mkdirSync(dir, { recursive: true });
  writeFileSync(path, containerdConfiguration(node));
  writeFileSync(join(more, "debug.toml"), '[debug]\n  level = "info"\n');
  const second = readFileSync(path, "utf8").split("\n").slice(1).join("\n");
  const imports = (...globs: string[]): string => `imports = ${JSON.stringify([`${more}/*.toml`, ...globs])}`;
  let text = `# ours\nversion = 2\n${imports()}\n${second}# the end`;
  if (form === "1")
    text = `# ours\n${imports()}\n${second.replaceAll(/"io\.containerd\.(?:grpc\.v1\.cri|internal\.v1\.)(opt)?"/g, (_, opt?: string) => opt ?? "cri")}# the end`;
  if (form === "newest") {
    const migrated = await must(program, ["--config", path, "config", "migrate"]);
    const globs = imports(`${dirname(path)}/conf.d/*.toml`);
    text = `# ours\n${migrated.replace(/^imports = .*$/m, globs)}# the end`;
  }
  writeFileSync(path, text);
  return text;
}

async function dump(program: string): Promise<{ handlers: TomlTable; all: TomlTable }> {
  const text = await must(program, ["--config", node.layout.runtimeConfig, "config", "dump"]);
  const all = parseToml(text, "dump");
  const plugins = tableAt(all, "plugins");
  const cri = ["io.containerd.cri.v1.runtime", "io.containerd.grpc.v1.cri", "cri"].find(
    (name) => Object.keys(tableAt(plugins, name, "containerd", "runtimes")).length > 0,
  );
  return { handlers: tableAt(plugins, cri ?? "", "containerd"), all };
}

/** What says something: some releases print empty texts too. */
function said(table: TomlTable): TomlTable {
  return Object.fromEntries(Object.entries(table).filter(([, value]) => value !== ""));
}

async function runtimePid(): Promise<string> {
  const listeners = await must("ss", ["-xlpH"]);
  const line = listeners.split("\n").find((one) => one.includes(`${node.layout.socket} `));
  return /pid=(\d+)/.exec(line ?? "")?.[1] ?? "";
}

async function handlersOfCri(): Promise<string> {
  return (await node.crictl("info")).stdout;
}

describe.each([
  ["Debian's", "1", "block"],
  ["Debian's", "2", "block"],
  ["v1.7.35", "2", "block"],
  ["v2.1.9", "2", "block"],
  ["v2.1.9", "newest", "drop-in"],
  ["v2.4.2", "2", "block"],
  ["v2.4.2", "newest", "drop-in"],
])("containerd %s with a configuration of version %s gets a %s", (release, form, where) => {
  testOn(lacksV1)(
    "that runs an isolated pod, comes once, and goes byte for byte",
    async () => {
      const program = await programOf(release);
      const path = node.layout.runtimeConfig;
      const text = await configure(program, form);
      await node.start(program, ["--config", path], dirname(program));
      const { handlers: theirs } = await dump(program);
      for (const { name, archive } of await baseImages({ cache }))
        await containerd.loadImage(node, archive, name);

      await node.installer("install");
      const { handlers, all } = await dump(program);
      const options = { ...said(tableAt(theirs, "runtimes", "runc", "options")), BinaryName: LAUNCHER };
      expect(said(tableAt(handlers, "runtimes", "wrapper", "options"))).toEqual(options);
      expect(options).toMatchObject({ SystemdCgroup: false });
      expect(handlers["default_runtime_name"]).toBe("runc");
      expect(tableAt(handlers, "runtimes", "runc")).toEqual(tableAt(theirs, "runtimes", "runc"));
      expect(tableAt(all, "debug")).toMatchObject({ level: "info" });
      const dropIn = join(dirname(path), "conf.d/schedgate.toml");
      expect(existsSync(dropIn)).toBe(where === "drop-in");
      const now = readFileSync(path, "utf8");
      expect(where === "drop-in" ? now : now.slice(0, text.length)).toBe(text);
      expect(await handlersOfCri()).toContain('"wrapper"');

      const pid = await runtimePid();
      await node.installer("install");
      expect(await runtimePid()).toBe(pid);
      expect(readFileSync(path, "utf8")).toBe(now);

      const ids = await node.runPod("wrapper", ANNOTATIONS);
      const bundle = (
        await must("find", [node.layout.runtimeData, "-path", `*${ids.container}/config.json`])
      ).trim();
      const { annotations } = JSON.parse(readFileSync(bundle, "utf8")) as { annotations: object };
      expect(annotations).toMatchObject(ANNOTATIONS);
      expect(isolatedCpus()).toBe(lastCpu);
      await node.removePod(ids);
      await waitFor({ what: "end of isolation", timeoutMs: 15_000 }, () =>
        Promise.resolve(isolatedCpus() === "" ? true : undefined),
      );

      await node.installer("uninstall");
      expect(readFileSync(path, "utf8")).toBe(text);
      for (const gone of [dropIn, "/opt/schedgate", join(node.dir, "run")])
        expect(existsSync(gone)).toBe(false);
      await waitFor({ what: "containerd without the handler", timeoutMs: 30_000 }, async () => {
        const info = await handlersOfCri();
        return info !== "" && !info.includes('"wrapper"') ? true : undefined;
      });
      expect(changedSettings(before)).toEqual([]);
    },
    600_000,
  );
});
