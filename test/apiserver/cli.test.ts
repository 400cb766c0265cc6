import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { parse } from "yaml";
import { resources } from "../../common/kube/paths.ts";
import type { KubeApi } from "../../common/kube/port.ts";
import { exec } from "../lab/exec.ts";
import type { Output } from "../lab/exec.ts";
import { ensurePrograms, findProgram } from "../lab/prerequisites.ts";
import { readState } from "../lab/state.ts";
import { testOn } from "../prerequisite.ts";
import { shells } from "./cli/shells.ts";
import { create, eventually, get, kinds, must, namespace, remove, startCluster } from "./cluster.ts";
import type { Cluster, Json } from "./cluster.ts";
import { annotationsOf, ASK, GRANT, grant, pod, profile, specOf } from "./objects.ts";
import type { PodOptions } from "./objects.ts";
import { startWebhook } from "./webhook.ts";
import type { Webhook } from "./webhook.ts";

const { hookGrants, hookProfiles, runtimeClasses, pods } = resources;
const program = join(import.meta.dirname, "../../webhook/cli/main.ts");

jest.setTimeout(60_000);

let cluster: Cluster;
let webhook: Webhook;
let api: KubeApi;
let home: string;

const profiles = [
  profile("warned", { protects: { annotations: ["warned.example/*"] }, enforcement: "Warn" }),
  profile("audited", { protects: { annotations: ["audited.example/*"] }, enforcement: "Audit" }),
  profile("other", { protects: { annotations: ["other.example/*"] } }),
];
const grants = [
  grant("trading", "trading", { subjects: [{ namespace: "trading", serviceAccounts: ["engine"] }] }),
  grant("another", "trading"),
  grant("old", "old", { notAfter: "2026-01-01T00:00:00Z" }),
  grant("full", "full", { limits: { pods: 0 } }),
];
const alias = {
  apiVersion: "node.k8s.io/v1",
  kind: "RuntimeClass",
  metadata: { name: "alias" },
  handler: "wrapper",
};
const plain = {
  apiVersion: "node.k8s.io/v1",
  kind: "RuntimeClass",
  metadata: { name: "plain" },
  handler: "runc",
};

beforeAll(async () => {
  cluster = await startCluster("cli");
  ({ api } = cluster);
  webhook = await startWebhook(cluster);
  await webhook.ready();
  for (const name of ["trading", "old", "full", "ungranted"]) await namespace(api, name, "engine");
  for (const each of profiles) await create(api, hookProfiles, each);
  for (const each of grants) await create(api, hookGrants, each);
  for (const each of [alias, plain]) await create(api, runtimeClasses, each);
  await eventually("the last profile and the last grant in force", async () => {
    const answers = [
      await serverSays("ungranted", { annotations: { "other.example/a": "" } }),
      await serverSays("full", { annotations: { [ASK]: "enabled" } }),
    ];
    return answers[0]?.verdict === "refused" && answers[1]?.message?.includes("no room") === true
      ? true
      : undefined;
  });
  home = await mkdtemp(join(tmpdir(), "schedgate-cli-"));
  for (const name of ["schedgate", "kubectl-schedgate", "kubectl_complete-schedgate"])
    await symlink(program, join(home, name));
}, 600_000);

afterAll(async () => {
  await rm(home, { recursive: true, force: true });
  await webhook.stop();
  await cluster.stop();
}, 60_000);

function schedgate(args: readonly string[], input?: string): Promise<Output> {
  const env = { PATH: process.env["PATH"], KUBECONFIG: cluster.lab.kubeconfig };
  return exec(process.execPath, [program, ...args], { env, ...(input !== undefined && { input }) });
}

/** What both ways say about one pod. */
interface Said {
  verdict: string;
  message?: string | undefined;
  runtimeClassName?: string | undefined;
  grant?: string | undefined;
}

/** The first answer that is right, else the last one: where the webhook is late (2 s), its warning is passed over. */
async function inTime<T>(ask: () => Promise<T>, isRight: (said: T) => boolean): Promise<T> {
  let said = await ask();
  await eventually("the right answer", async () => {
    if (!isRight(said)) said = await ask();
    return isRight(said) || undefined;
  }).catch(() => undefined);
  return said;
}

/** The API server's answer to a pod, as kubectl shows it; nothing is kept. */
async function serverSays(where: string, options: PodOptions): Promise<Said> {
  const body = JSON.stringify({ apiVersion: "v1", kind: "Pod", ...pod(options) });
  const args = ["-n", where, "create", "--dry-run=server", "-o", "json", "-f", "-"];
  const { code, stdout, stderr } = await cluster.lab.kubectl(args, body);
  if (code !== 0)
    return { verdict: "refused", message: stderr.trim().replace(/^.*denied the request: /, "") };
  const made = JSON.parse(stdout) as Json;
  const warning = /^Warning: (.*)$/m.exec(stderr)?.[1];
  return {
    verdict: warning === undefined ? "allowed" : "warned",
    ...(warning !== undefined && { message: warning }),
    runtimeClassName: specOf(made)["runtimeClassName"] as string | undefined,
    grant: annotationsOf(made)[GRANT],
  };
}

interface Result {
  kind: string;
  name: string;
  namespace: string;
  verdict: string;
  message?: string;
  injected: { runtimeClassName?: string; grant?: string };
}

const guaranteed = { cpu: "2", memory: "64Mi" };

/** Name, namespace, pod, and the verdict that both must give. */
const fixtures: [string, string, PodOptions, string][] = [
  ["nothing", "ungranted", {}, "allowed"],
  ["asks", "ungranted", { annotations: { [ASK]: "enabled" } }, "refused"],
  ["disabled", "ungranted", { annotations: { [ASK]: "disabled" } }, "allowed"],
  ["granted", "trading", { annotations: { [ASK]: "enabled" }, serviceAccountName: "engine" }, "allowed"],
  ["other-account", "trading", { annotations: { [ASK]: "enabled" } }, "allowed"],
  ["expired", "old", { annotations: { [ASK]: "enabled" } }, "refused"],
  ["no-room", "full", { annotations: { [ASK]: "enabled" } }, "refused"],
  ["class", "ungranted", { runtimeClassName: "wrapper" }, "refused"],
  ["alias", "ungranted", { runtimeClassName: "alias" }, "refused"],
  ["granted-alias", "trading", { runtimeClassName: "alias" }, "allowed"],
  ["free-class", "ungranted", { runtimeClassName: "plain" }, "allowed"],
  ["wrong-class", "trading", { runtimeClassName: "plain", annotations: { [ASK]: "enabled" } }, "refused"],
  ["wrong-value", "trading", { annotations: { [ASK]: "yes" } }, "refused"],
  [
    "no-container",
    "trading",
    { annotations: { "cpu-isolation.schedgate.dev/constructor": "enabled" } },
    "refused",
  ],
  [
    "contradiction",
    "trading",
    { annotations: { [ASK]: "enabled", "cpu-isolation.schedgate.dev/main": "disabled" } },
    "refused",
  ],
  [
    "shared-cpus",
    "trading",
    { annotations: { [ASK]: "enabled" }, containers: { main: { cpu: "1500m", memory: "64Mi" } } },
    "refused",
  ],
  [
    "one-of-two",
    "trading",
    {
      annotations: { "cpu-isolation.schedgate.dev/b": "enabled" },
      containers: { a: { cpu: "500m", memory: "64Mi" }, b: guaranteed },
    },
    "allowed",
  ],
  ["hook-key", "ungranted", { annotations: { "cpu-load-balancing.crio.io/main": "disable" } }, "refused"],
  ["forged", "ungranted", { annotations: { [GRANT]: "trading", [ASK]: "disabled" } }, "allowed"],
  ["two-profiles", "trading", { annotations: { [ASK]: "enabled", "other.example/a": "" } }, "refused"],
  ["warned", "ungranted", { annotations: { "warned.example/a": "" } }, "warned"],
  ["audited", "ungranted", { annotations: { "audited.example/a": "" } }, "audited"],
];

describe("check judges as the webhook of a real API server does", () => {
  const byName = new Map<string, { offline: Result; online: Result }>();

  beforeAll(async () => {
    const items = fixtures.map(([name, where, options]) => {
      const { metadata, spec } = pod({ ...options, name });
      return { apiVersion: "v1", kind: "Pod", metadata: { ...(metadata as Json), namespace: where }, spec };
    });
    const base = await readFile(join(import.meta.dirname, "../../manifests/base/hookprofile.yaml"), "utf8");
    const wrapper = await readFile(
      join(import.meta.dirname, "../../manifests/base/runtimeclass.yaml"),
      "utf8",
    );
    const files = {
      pods: JSON.stringify({ apiVersion: "v1", kind: "List", items }),
      grants: grants.map((each) => JSON.stringify(each)).join("\n---\n"),
      profiles: [base, wrapper, ...[...profiles, alias, plain].map((each) => JSON.stringify(each))].join(
        "\n---\n",
      ),
    };
    for (const [name, text] of Object.entries(files)) await writeFile(join(home, `${name}.yaml`), text);
    const [pods, law] = [
      ["check", "-o", "json", "-f", join(home, "pods.yaml")],
      { g: "grants", p: "profiles" },
    ];
    const offline = await schedgate([
      ...pods,
      "--grants",
      join(home, `${law.g}.yaml`),
      "--profiles",
      join(home, `${law.p}.yaml`),
    ]);
    const online = await schedgate(pods);
    expect([offline.code, offline.stderr, online.code, online.stderr]).toEqual([1, "", 1, ""]);
    const [off, on] = [offline, online].map(
      (each) => (JSON.parse(each.stdout) as { results: Result[] }).results,
    );
    for (const [i, [name]] of fixtures.entries()) {
      const [offlineResult, onlineResult] = [off?.[i], on?.[i]];
      if (offlineResult === undefined || onlineResult === undefined) throw new Error(`no result for ${name}`);
      byName.set(name, { offline: offlineResult, online: onlineResult });
    }
  });

  test.each(fixtures)("%s in %s", async (name, where, options, verdict) => {
    const results = byName.get(name);
    const server = await inTime(
      () => serverSays(where, { ...options, name }),
      (said) => verdict !== "warned" || said.verdict === verdict,
    );
    // What is only audited is an admitted pod to whoever sent it.
    expect(server.verdict).toBe(verdict === "audited" ? "allowed" : verdict);
    for (const result of [results?.offline, results?.online]) {
      expect(result).toMatchObject({ name, namespace: where, verdict });
      if (verdict !== "audited") expect(result?.message).toBe(server.message);
      if (verdict === "refused") continue;
      expect(result?.injected.grant).toBe(server.grant);
      expect(result?.injected.runtimeClassName ?? options.runtimeClassName).toBe(server.runtimeClassName);
    }
  });

  test("a class that does not exist is refused by both, each in its own words", async () => {
    const options = { name: "ghost", runtimeClassName: "ghost" };
    const body = JSON.stringify({ apiVersion: "v1", kind: "Pod", ...pod(options) });
    const { code, stdout } = await schedgate(["check", "-n", "trading", "-f", "-"], body);
    expect(code).toBe(1);
    expect(stdout).toContain("RuntimeClass ghost does not exist");
    expect((await serverSays("trading", options)).verdict).toBe("refused");
  });
});

describe("check judges a workload as the webhook warns of it", () => {
  const kindsOfWorkload: [string, string, (template: Json) => Json][] = [
    ["Deployment", "apps/v1", (template) => ({ selector: { matchLabels: { app: "engine" } }, template })],
    ["CronJob", "batch/v1", (template) => ({ schedule: "0 0 * * *", jobTemplate: { spec: { template } } })],
  ];
  const podsOfWorkload: [string, PodOptions, string][] = [
    ["ungranted", { annotations: { [ASK]: "enabled" } }, "refused"],
    ["ungranted", { annotations: { "warned.example/a": "" } }, "warned"],
    ["trading", { annotations: { [ASK]: "enabled" }, serviceAccountName: "engine" }, "allowed"],
  ];
  const cases = kindsOfWorkload.flatMap(([kind, apiVersion, specOfKind]) =>
    podsOfWorkload.map(([where, options, verdict]) => {
      const { metadata, spec } = pod(options);
      const template = {
        metadata: { ...(metadata as Json), name: undefined, labels: { app: "engine" } },
        spec: { ...(spec as Json), restartPolicy: kind === "CronJob" ? "Never" : "Always" },
      };
      const object = { metadata: { name: "engine", namespace: where }, spec: specOfKind(template) };
      return { kind, where, verdict, object: { apiVersion, kind, ...object } };
    }),
  );

  test.each(cases)("$kind in $where: $verdict", async ({ kind, where, verdict, object }) => {
    const body = JSON.stringify(object);
    const { stdout } = await schedgate(["check", "-o", "json", "-f", "-"], body);
    const [result] = (JSON.parse(stdout) as { results: Result[] }).results;
    expect(result).toMatchObject({ kind, name: "engine", namespace: where, verdict });
    const warning =
      verdict === "allowed"
        ? ""
        : `Warning: ${kind} ${where}/engine: its pods will be ${verdict}: ${result?.message ?? ""}\n`;
    const server = await inTime(
      () => cluster.lab.kubectl(["create", "--dry-run=server", "-f", "-"], body),
      ({ stderr }) => stderr === warning,
    );
    expect(server).toMatchObject({ code: 0, stderr: warning });
  });
});

describe("a limit of which some is used", () => {
  const one = { annotations: { [ASK]: "enabled" } };
  const grantFile = (): string => join(home, "used.json");
  const checked = async (name: string, ...law: string[]): Promise<Result | undefined> => {
    const { metadata, spec } = pod({ ...one, name });
    const body = {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { ...(metadata as Json), namespace: "used" },
      spec,
    };
    const { stdout } = await schedgate(["check", "-o", "json", "-f", "-", ...law], JSON.stringify(body));
    return (JSON.parse(stdout) as { results: Result[] }).results[0];
  };

  beforeAll(async () => {
    await namespace(api, "used");
    await create(api, hookGrants, grant("used", "used", { limits: { pods: 1 } }));
    await eventually("a pod that fits", async () => {
      const { verdict } = await serverSays("used", { ...one, name: "first" });
      return verdict === "allowed" ? true : undefined;
    });
  });

  test("is left to check as it is to the webhook, and what the cluster's pods took is not", async () => {
    expect(await checked("first")).toMatchObject({ verdict: "allowed", injected: { grant: "used" } });
    await create(api, pods, pod({ ...one, name: "first" }), { namespace: "used" });
    const server = await serverSays("used", { ...one, name: "second" });
    expect(server).toMatchObject({ verdict: "refused" });
    expect(server.message).toContain(
      "the HookGrant used for service account used/default has no room (pods: 1/1 used)",
    );
    expect(await checked("second")).toMatchObject({ verdict: "refused", message: server.message });
  });

  test("is known offline only from a grant with its status", async () => {
    const { apiVersion, kind, metadata, spec, status } = await get(api, hookGrants, { name: "used" });
    expect(status).toMatchObject({ used: { pods: 1 } });
    await writeFile(grantFile(), JSON.stringify({ apiVersion, kind, metadata, spec }));
    expect(await checked("second", "--grants", grantFile())).toMatchObject({ verdict: "allowed" });
    await writeFile(grantFile(), JSON.stringify({ apiVersion, kind, metadata, spec, status }));
    expect(await checked("second", "--grants", grantFile())).toMatchObject({
      verdict: "refused",
      message: expect.stringContaining("pods: 1/1 used") as unknown,
    });
  });
});

describe("-o yaml", () => {
  /** Words that are no text to a reader of YAML 1.1, such as kubectl, unless they are quoted. */
  const words = { on: "yes", y: "n", octal: "0o17", old: "017", time: "12:30:45", day: "2026-01-01" };
  const place = { apiVersion: "v1", kind: "Pod", metadata: { name: "engine-0", namespace: "trading" } };

  beforeAll(async () => {
    const { apiVersion, kind, metadata, spec } = grant("on", "on");
    const body = { apiVersion, kind, metadata: { ...(metadata as Json), annotations: words }, spec };
    await create(api, hookGrants, body);
    await create(api, pods, pod({ name: "of-yaml", annotations: { [ASK]: "disabled" } }), {
      namespace: "trading",
    });
  });

  test.each([
    { args: ["check", "-f", "-"], input: JSON.stringify({ ...place, spec: pod()["spec"] }) },
    { args: ["status"] },
    { args: ["explain", "-n", "trading"] },
    { args: ["explain", "of-yaml", "-n", "trading"] },
  ])("of $args holds what -o json holds", async ({ args, input }) => {
    const say = async (form: string): Promise<string> => {
      const { code, stdout, stderr } = await schedgate([...args, "-o", form], input);
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      return stdout;
    };
    // Others may write to the cluster meanwhile.
    const [json, yaml] = await eventually("the same answer twice", async () => {
      const [before, between, after] = [await say("json"), await say("yaml"), await say("json")];
      return before === after ? [before, between] : undefined;
    });
    expect(parse(yaml, { version: "1.1" })).toEqual(JSON.parse(json));
    expect(yaml).not.toMatch(/^[{[]/);
  });

  test("of a name that YAML 1.1 takes for a boolean is one that kubectl takes for a name", async () => {
    const { stdout } = await schedgate(["grant", "on/y", "--profile", "no", "--name", "off"]);
    const answer = await must(cluster.lab, ["create", "--dry-run=server", "-o", "json", "-f", "-"], stdout);
    expect(JSON.parse(answer)).toMatchObject({
      metadata: { name: "off" },
      spec: { profileName: "no", subjects: [{ namespace: "on", serviceAccounts: ["y"] }] },
    });
  });
});

describe("grant", () => {
  test("--apply writes the grant, and applying it again changes nothing", async () => {
    const args = ["grant", "ungranted/engine", "--profile", "cpu-isolation", "--pods", "3", "--apply"];
    const first = await schedgate(args);
    expect(first).toMatchObject({
      code: 0,
      stdout: "hookgrant.schedgate.dev/ungranted-engine serverside-applied\n",
      stderr: "",
    });
    const made = await get(api, hookGrants, { name: "ungranted-engine" });
    expect(specOf(made)).toEqual({
      profileName: "cpu-isolation",
      subjects: [{ namespace: "ungranted", serviceAccounts: ["engine"] }],
      limits: { pods: 3 },
    });
    expect((await schedgate(args)).code).toBe(0);
    expect(specOf(await get(api, hookGrants, { name: "ungranted-engine" }))).toEqual(specOf(made));
    await remove(api, hookGrants, { name: "ungranted-engine" });
  });

  test("what it prints is what the API server takes", async () => {
    const { stdout } = await schedgate([
      "grant",
      "a",
      "--profile",
      "p",
      "--not-after",
      "2099-01-01T00:00:00+02:00",
    ]);
    const answer = await must(cluster.lab, ["create", "--dry-run=server", "-f", "-"], stdout);
    expect(answer).toBe("hookgrant.schedgate.dev/a created (server dry run)\n");
  });

  test("says where the profile does not exist", async () => {
    const { code, stderr } = await schedgate(["grant", "b", "--profile", "absent", "--apply"]);
    expect(code).toBe(0);
    expect(stderr).toBe("HookProfile absent does not exist: until it does, b grants nothing\n");
    await remove(api, hookGrants, { name: "b" });
  });

  test("does not take over a grant that somebody else wrote", async () => {
    const { code, stderr } = await schedgate(["grant", "old", "--profile", "other", "--apply"]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^schedgate grant: PATCH .*hookgrants\/old: 409 Conflict.*\n$/);
  });
});

describe("status", () => {
  test("shows profiles, grants and nodes", async () => {
    const { code, stdout } = await schedgate(["status"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^warned +<none> +Warn +True /m);
    expect(stdout).toMatch(
      /^old +cpu-isolation +old\/\* +\S+\/- +\S+\/- +2026-01-01T00:00:00Z +False \(Expired\) /m,
    );
    expect(stdout).toContain("Nodes: none");
  });

  test("-o json is a list of the objects themselves", async () => {
    const { stdout } = await schedgate(["status", "-o", "json"]);
    const list = JSON.parse(stdout) as {
      kind: string;
      items: { kind: string; metadata: { name: string } }[];
    };
    expect(list.kind).toBe("List");
    expect(list.items.map((each) => `${each.kind}/${each.metadata.name}`)).toEqual(
      expect.arrayContaining(["HookProfile/cpu-isolation", "HookGrant/trading"]),
    );
  });
});

describe("explain", () => {
  test("says what of a live pod is protected, by which grants, and the verdict now", async () => {
    const body = pod({ annotations: { [ASK]: "enabled" }, serviceAccountName: "engine" });
    await create(api, pods, body, { namespace: "trading" });
    const { code, stdout } = await schedgate(["explain", "engine-0", "-n", "trading"]);
    expect(code).toBe(0);
    expect(stdout).toBe(`Pod trading/engine-0 (service account engine)
  uses runtimeClassName wrapper (handler wrapper) and annotation ${ASK}=enabled, protected by HookProfile cpu-isolation (Enforce)
    covered by HookGrant another, trading
  was admitted by HookGrant another
  a pod like this now: allowed
`);
  });

  test("says of a workload what its next pod would be told", async () => {
    const { spec } = pod({ annotations: { [ASK]: "enabled" } });
    const labels = { app: "engine" };
    const template = { metadata: { labels, annotations: { [ASK]: "enabled" } }, spec };
    const deployment = {
      metadata: { name: "engine" },
      spec: { selector: { matchLabels: labels }, template },
    };
    await create(api, kinds.deployments, deployment, { namespace: "ungranted" });
    const { code, stdout } = await schedgate(["explain", "deploy/engine", "-n", "ungranted"]);
    expect(code).toBe(0);
    expect(stdout).toContain("its next pod now: refused\n    pod ungranted/engine-*: annotation");
  });

  test("says so where there is no such pod", async () => {
    const { code, stderr } = await schedgate(["explain", "nobody", "-n", "trading"]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^schedgate explain: GET .*404 NotFound: pods "nobody" not found\n$/);
  });
});

describe("as a plugin", () => {
  async function kubectl(...args: string[]): Promise<Output> {
    const { binaries = "" } = (await readState(cluster.lab.stateDir)) ?? {};
    const path = [home, dirname(process.execPath), process.env["PATH"] ?? ""].join(delimiter);
    return exec(join(binaries, "kubectl"), args, { env: { PATH: path, KUBECONFIG: cluster.lab.kubeconfig } });
  }

  test("kubectl runs it and passes its exit code on", async () => {
    const { code, stdout } = await kubectl(
      "schedgate",
      "check",
      "-f",
      join(home, "pods.yaml"),
      "-n",
      "trading",
    );
    expect(code).toBe(1);
    expect(stdout).toContain("refused   Pod ungranted/asks");
  });

  test("kubectl completes its words", async () => {
    const { stdout } = await kubectl("__complete", "schedgate", "check", "--gr");
    expect(stdout).toContain("--grants\tHookGrants to judge by");
  });
});

const rootHasApt = process.getuid?.() === 0 && findProgram("apt-get", process.env["PATH"]) !== undefined;

describe.each(["zsh", "fish"] as const)("%s", (shell) => {
  const present = findProgram(shell, process.env["PATH"]) !== undefined;
  const testIn = testOn(present || rootHasApt ? undefined : `${shell}, and no apt to get it from`);

  testIn(
    "completes by the script that the program prints",
    async () => {
      await ensurePrograms([{ program: shell, package: shell }], cluster.lab.options.log);
      const path = [home, dirname(process.execPath), process.env["PATH"] ?? ""].join(delimiter);
      const offered = async (line: string): Promise<string[]> => (await shells[shell](line, path)).sort();
      expect(await offered("schedgate c")).toEqual(["check", "completion"]);
      expect(await offered("schedgate comp")).toEqual(["completion"]);
      expect(await offered("schedgate check -o ")).toEqual(["json", "yaml"]);
      expect(await offered("schedgate check --gr")).toEqual(["--grants"]);
      expect(await offered("schedgate completion ")).toEqual(["bash", "fish", "zsh"]);
      expect(await offered("schedgate check -f po")).toEqual(["pod.yaml"]);
      expect(await offered("schedgate check -o j")).toEqual(["json"]);
    },
    300_000,
  );
});
