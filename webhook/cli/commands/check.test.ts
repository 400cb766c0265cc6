import { describe, expect, test } from "@jest/globals";
import { call } from "../testing.ts";
import type { Called } from "../testing.ts";

const ASK = "schedgate.dev/cpu-isolation";
const container = `containers: [{name: main, image: x, resources: {limits: {cpu: "2", memory: 1Gi}}}]`;

const asking = `apiVersion: v1
kind: Pod
metadata: {name: engine-0, namespace: trading, annotations: {${ASK}: enabled}}
spec: {serviceAccountName: engine, ${container}}
`;
const grant = `apiVersion: schedgate.dev/v1alpha1
kind: HookGrant
metadata: {name: trading}
spec: {profileName: cpu-isolation, subjects: [{namespace: trading}]}
`;
const deployment = `apiVersion: apps/v1
kind: Deployment
metadata: {name: engine, namespace: other}
spec: {template: {metadata: {annotations: {${ASK}: enabled}}, spec: {${container}}}}
`;
const files = { "pod.yaml": asking, "grant.yaml": grant, "deploy.yaml": deployment };

function check(...args: string[]): Promise<Called> {
  return call(["check", ...args], { files });
}

const refusal = (pod: string, account: string): string => {
  const [namespace = "", name = ""] = account.split("/");
  return (
    `pod ${pod}: annotation ${ASK}=enabled is protected by HookProfile cpu-isolation, and no HookGrant covers service account ${account}; ` +
    `a cluster admin can grant it: echo '{"apiVersion":"schedgate.dev/v1alpha1","kind":"HookGrant","metadata":{"generateName":"${namespace}-"},` +
    `"spec":{"profileName":"cpu-isolation","subjects":[{"namespace":"${namespace}","serviceAccounts":["${name}"]}]}}' | kubectl create -f -`
  );
};

describe("check offline", () => {
  test("says what is allowed, refused and not judged, by what, and what would be injected", async () => {
    const stream = [asking, "", deployment, "apiVersion: v1\nkind: Service\nmetadata: {name: web}\n"].join(
      "---\n",
    );
    const result = await call(["check", "-f", "-", "--grants", "grant.yaml"], {
      files: { ...files, "-": stream },
    });
    expect(result).toEqual({
      code: 1,
      stderr: "",
      stdout: `Judged by HookProfile cpu-isolation and RuntimeClass wrapper as installed, with HookGrant trading (offline)
allowed   Pod trading/engine-0 (stdin, document 1)
  by HookGrant trading
  gets runtimeClassName: wrapper
  gets annotation schedgate.dev/grant: trading
refused   Deployment other/engine (stdin, document 3)
  ${refusal("other/engine-*", "other/default")}
skipped   Service web (stdin, document 4): no pod, and makes none that is known here
`,
    });
  });

  test("exits with 0 where all are allowed", async () => {
    expect((await check("-f", "pod.yaml", "--grants", "grant.yaml")).code).toBe(0);
  });

  test("-o json says the same for programs", async () => {
    const { stdout } = await check("-f", "pod.yaml", "--grants", "grant.yaml", "-o", "json");
    expect(JSON.parse(stdout)).toEqual({
      judgedBy: { from: "files", profiles: ["cpu-isolation"], grants: ["trading"], builtIn: true },
      results: [
        {
          place: "pod.yaml, document 1",
          kind: "Pod",
          name: "engine-0",
          namespace: "trading",
          verdict: "allowed",
          grants: ["trading"],
          protections: [
            {
              profile: "cpu-isolation",
              enforcement: "Enforce",
              uses: `runtimeClassName wrapper (handler wrapper) and annotation ${ASK}=enabled`,
              grants: ["trading"],
            },
          ],
          injected: { runtimeClassName: "wrapper", grant: "trading" },
        },
      ],
      notJudged: [],
    });
  });

  test("takes files that follow an option without it, as a shell's * gives them", async () => {
    const { code, stdout } = await check(
      "-f",
      "pod.yaml",
      "deploy.yaml",
      "--grants",
      "grant.yaml",
      "grant.yaml",
    );
    expect(code).toBe(1);
    expect(stdout).toContain("(deploy.yaml, document 1)");
  });

  test("each pod is judged by itself: two that want the last place of a grant are both allowed", async () => {
    const one = grant.replace("spec: {", "spec: {limits: {pods: 1}, ");
    const result = await call(["check", "-f", "two.yaml", "--grants", "one.yaml"], {
      files: { "two.yaml": `${asking}---\n${asking.replace("engine-0", "engine-1")}`, "one.yaml": one },
    });
    expect(result.code).toBe(0);
    expect(result.stdout.match(/^allowed /gm)).toHaveLength(2);
  });

  test("a grant beside the pods counts for nothing: it is only wished for", async () => {
    const result = await check("-f", "pod.yaml", "grant.yaml", "--profiles", "profile.yaml");
    expect(result.stderr).toContain("cannot read profile.yaml");
    const both = await call(["check", "-f", "both.yaml", "--grants", "other.yaml"], {
      files: {
        "both.yaml": `${asking}---\n${grant}`,
        "other.yaml": grant.replace("namespace: trading", "namespace: x"),
      },
    });
    expect(both.code).toBe(1);
    expect(both.stdout).toContain("no HookGrant covers service account trading/engine");
  });
});

describe("RuntimeClasses offline", () => {
  const byHand = (name: string): string => `apiVersion: v1
kind: Pod
metadata: {name: p, namespace: free}
spec: {runtimeClassName: ${name}, ${container}}
`;
  const runtimeClass = (name: string, handler: string): string =>
    `apiVersion: node.k8s.io/v1\nkind: RuntimeClass\nmetadata: {name: ${name}}\nhandler: ${handler}\n`;
  const judge = (pods: string, grants = grant): Promise<Called> =>
    call(["check", "-f", "p.yaml", "--grants", "g.yaml"], { files: { "p.yaml": pods, "g.yaml": grants } });

  test("one that nobody names is refused: its handler is not known", async () => {
    const { code, stdout } = await judge(byHand("gvisor"));
    expect(code).toBe(1);
    expect(stdout).toContain(
      "RuntimeClass gvisor does not exist, so it is not known whether it is protected",
    );
  });

  test.each([
    ["another handler", "runsc", 0],
    ["a protected one", "wrapper", 1],
  ])("one that a file gives %s is judged by it", async (_, handler, code) => {
    expect((await judge(`${runtimeClass("gvisor", handler)}---\n${byHand("gvisor")}`)).code).toBe(code);
    expect((await judge(byHand("gvisor"), `${grant}---\n${runtimeClass("gvisor", handler)}`)).code).toBe(
      code,
    );
  });

  test("with --profiles the installation's own class is not there", async () => {
    const profile = `apiVersion: schedgate.dev/v1alpha1
kind: HookProfile
metadata: {name: cpu-isolation}
spec: {protects: {runtimeHandlers: [wrapper]}, request: {annotation: ${ASK}, runtimeClassName: wrapper}}
`;
    const { code, stdout } = await call(
      ["check", "-f", "p.yaml", "--grants", "g.yaml", "--profiles", "h.yaml"],
      {
        files: { "p.yaml": asking, "g.yaml": grant, "h.yaml": profile },
      },
    );
    expect(code).toBe(1);
    expect(stdout).toContain("the pod asks but has no RuntimeClass: wrapper does not exist");
  });
});

describe("input that nobody can judge gives 2 and one line that says where and what", () => {
  test.each<[string, string[], RegExp]>([
    ["no file named", [], /-f FILE is missing.*\(see schedgate check --help\)/],
    ["a file that is not there", ["-f", "no.yaml", "--grants", "grant.yaml"], /cannot read no.yaml/],
    [
      "nothing to judge",
      ["-f", "grant.yaml", "--grants", "grant.yaml"],
      /grant.yaml: no pod and no workload/,
    ],
    [
      "pods as grants",
      ["-f", "pod.yaml", "--grants", "pod.yaml"],
      /pod.yaml, document 1: no HookGrant of schedgate.dev/,
    ],
    ["no cluster", ["-f", "pod.yaml"], /no kubeconfig/],
    ["a form that is none", ["-f", "pod.yaml", "-o", "xml"], /--output xml: use one of json, yaml/],
  ])("%s", async (_, args, line) => {
    const { code, stdout, stderr } = await check(...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^schedgate check: [^\n]*\n$/);
    expect(stderr).toMatch(line);
  });

  test.each<[string, string, RegExp]>([
    [
      "a pod without containers",
      "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {}\n",
      /Pod default\/a: not a pod/,
    ],
    [
      "an annotation that is no string",
      asking.replace("enabled", "on"),
      /document 2: Pod trading\/engine-0: not a pod: .*annotations/,
    ],
    [
      "a workload without a template",
      "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: a}\nspec: {}\n",
      /CronJob default\/a: its pod template cannot be found/,
    ],
  ])("%s", async (_, document, line) => {
    const result = await call(["check", "-f", "x.yaml", "--grants", "grant.yaml"], {
      files: { ...files, "x.yaml": `${asking}---\n${document}` },
    });
    expect(result.code).toBe(2);
    expect(result.stderr).toMatch(line);
  });
});
