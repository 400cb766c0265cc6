import { describe, expect, test } from "@jest/globals";
import type { HookGrant } from "../../common/api/hookgrant.ts";
import { GRANT_ANNOTATION } from "../../common/api/names.ts";
import type { Pod } from "../../common/api/pod.ts";
import type { Change } from "../policy/decide.ts";
import type { Full } from "../policy/room.ts";
import { withHolders } from "../policy/room.ts";
import { container, cpuIsolation, grantOf, holderOf, podOf, profileOf, rulesOf } from "../policy/testing.ts";
import { validation } from "./validate.ts";

const limits = { pods: 4, isolatedCPUs: 8 };
const second = profileOf("second", { protects: { runtimeHandlers: ["wrapper"] } });

/** A pod that asks, as the mutating webhook leaves it. */
function asking(grants: string, changes: Partial<Pod> = {}): Pod {
  const annotations = { "schedgate.dev/cpu-isolation": "enabled", [GRANT_ANNOTATION]: grants };
  return podOf({ annotations, runtimeClassName: "wrapper", ...changes });
}

/** What is said, and what was done: `+a:2` two CPUs taken of a, `?` only looked at, `-` given back. */
async function judge(
  grants: readonly HookGrant[],
  after: Pod,
  more: {
    before?: Pod;
    dryRun?: boolean;
    full?: string;
    broken?: string;
    profiles?: (typeof second)[];
    done?: string[];
  } = {},
): Promise<{ refusal: string | undefined; warnings: readonly string[]; done: string[] }> {
  const { before, dryRun = false, full, broken, profiles = [cpuIsolation], done = [] } = more;
  const change: Change = { before, after, handler: before === undefined ? "wrapper" : undefined };
  const lacking = (grant: string): Full => ({ grant, limit: "pods", used: 4, max: 4, takes: 1 });
  const room: Parameters<typeof validation>[2] = {
    reserve: ({ grant, isolatedCPUs }, _, dry) => {
      done.push(`${dry ? "?" : "+"}${grant}:${String(isolatedCPUs)}`);
      if (grant === broken) return Promise.reject(new Error("no answer"));
      return Promise.resolve(grant === full ? lacking(grant) : undefined);
    },
    release: ({ grant }) => done.push(`-${grant}`),
  };
  const judged = { rules: rulesOf(profiles, grants), change, dryRun };
  const asked = { change, written: after.annotations, groups: [] };
  const { refusal, warnings = [] } = await validation(judged, asked, room);
  return { refusal: refusal?.message, warnings, done };
}

const a = grantOf("a", { limits });
const b = grantOf("b", { profileName: "second", limits });
const both = { profiles: [cpuIsolation, second] };

describe("a pod that is created", () => {
  test("takes its room of the grant that it names", async () => {
    expect(await judge([a], asking("a"))).toMatchObject({ refusal: undefined, done: ["+a:2"] });
    const open = grantOf("a");
    expect(await judge([open], asking("a"))).toMatchObject({ refusal: undefined, done: [] });
  });

  test("only looks for it in a dry run", async () => {
    expect((await judge([a], asking("a"), { dryRun: true })).done).toEqual(["?a:2"]);
  });

  test("is refused where the grant was full when its turn came", async () => {
    const { refusal } = await judge([a], asking("a"), { full: "a" });
    expect(refusal).toContain(
      "protected by HookProfile cpu-isolation, and the HookGrant a for service account trading/engine has no room (pods: 4/4 used)",
    );
  });

  test("takes none where it is refused for something else", async () => {
    expect((await judge([a], asking("a"), both)).done).toEqual([]);
    const full = withHolders(
      a,
      ["1", "2", "3", "4"].map((uid) => holderOf(uid, 2)),
    );
    expect(await judge([full], asking("a"))).toMatchObject({
      refusal: expect.stringContaining("(pods: 4/4 used)") as unknown,
      done: [],
    });
  });

  test("takes room of a grant for each profile, and gives the first back where the second has none", async () => {
    expect((await judge([a, b], asking("a,b"), both)).done).toEqual(["+a:2", "+b:2"]);
    const { refusal, done } = await judge([a, b], asking("a,b"), { ...both, full: "b" });
    expect(done).toEqual(["+a:2", "+b:2", "-a"]);
    expect(refusal).toContain("HookGrant b");
  });

  test("gives the first back also where it is not known whether the second has room", async () => {
    const done: string[] = [];
    await expect(judge([a, b], asking("a,b"), { ...both, broken: "b", done })).rejects.toThrow("no answer");
    expect(done).toEqual(["+a:2", "+b:2", "-a"]);
  });

  test("takes room of each grant that it names, also where another would do", async () => {
    const open = grantOf("open");
    expect((await judge([a, open], asking("a,open"))).done).toEqual(["+a:2"]);
    expect((await judge([a, open], asking("a,open"), { full: "a" })).refusal).toContain("HookGrant a");
  });

  test("goes on without room where the profile only warns", async () => {
    const warning = { ...cpuIsolation, spec: { ...cpuIsolation.spec, enforcement: "Warn" as const } };
    expect((await judge([a], asking("a"), { full: "a", profiles: [warning] })).refusal).toBeUndefined();
  });

  test("that names a grant which is full since is told so, though another has room", async () => {
    const full = withHolders(grantOf("a", { limits: { pods: 1 } }), [holderOf("other", 2)]);
    const { refusal } = await judge([full, grantOf("c", { limits })], asking("a"));
    expect(refusal).toContain("HookGrant a for service account trading/engine has no room (pods: 1/1 used)");
  });
});

describe("for a profile that only warns or notes", () => {
  test.each(["Warn", "Audit"] as const)(
    "nothing is refused where room is not known (%s)",
    async (enforcement) => {
      const lenient = { ...cpuIsolation, spec: { ...cpuIsolation.spec, enforcement } };
      const { refusal, warnings } = await judge([a], asking("a"), { broken: "a", profiles: [lenient] });
      expect(refusal).toBeUndefined();
      const line = expect.stringContaining(
        "it is not known whether the HookGrant a has room for this: no answer",
      );
      expect(warnings).toEqual(enforcement === "Warn" ? [line] : []);
    },
  );

  test("room is still demanded where another profile enforces", async () => {
    const lenient = { ...second, spec: { ...second.spec, enforcement: "Warn" as const } };
    const profiles = [cpuIsolation, lenient];
    await expect(judge([a, b], asking("a,b"), { broken: "a", profiles })).rejects.toThrow("no answer");
    expect((await judge([a, b], asking("a,b"), { broken: "b", profiles })).refusal).toBeUndefined();
  });
});

describe("a pod that changes", () => {
  const sized = (cpu: string): Pod => asking("a", { containers: [container("main", cpu)] });

  test("takes more room where its resources grow, and none where they shrink", async () => {
    expect((await judge([a], sized("4"), { before: sized("2") })).done).toEqual(["+a:4"]);
    expect((await judge([a], sized("2"), { before: sized("4") })).done).toEqual([]);
    const { refusal } = await judge([a], sized("4"), { before: sized("2"), full: "a" });
    expect(refusal).toContain(
      "HookProfile cpu-isolation: the HookGrant a has no room for this (pods: 4/4 used)",
    );
  });

  test("takes room where it begins to ask, and keeps it whatever becomes of that", async () => {
    const before = podOf({ runtimeClassName: "wrapper" });
    expect((await judge([a], asking("a"), { before })).done).toEqual(["+a:2"]);
    expect((await judge([a], asking("a"), { before, full: "a" })).done).toEqual(["+a:2"]);
  });

  test("takes room where an opt-out of one of its containers is taken away", async () => {
    const containers = [container("main"), container("other", "4")];
    const after = asking("a", { containers });
    const optOut = { "cpu-isolation.schedgate.dev/other": "disabled" };
    const before = { ...after, annotations: { ...after.annotations, ...optOut } };
    expect(await judge([a], after, { before })).toMatchObject({ refusal: undefined, done: ["+a:6"] });
    expect((await judge([a], after, { before, full: "a" })).refusal).toContain("HookGrant a");
    expect((await judge([], after, { before })).refusal).toContain("no HookGrant covers");
    expect((await judge([a], before, { before: after })).done).toEqual([]);
  });

  test("may always stop asking, whatever that would count", async () => {
    const containers = [container("main"), container("other", "4")];
    const form = "cpu-isolation.schedgate.dev/main";
    const before = podOf({ annotations: { [form]: "enabled", [GRANT_ANNOTATION]: "a" }, containers });
    const after = { ...before, annotations: { ...before.annotations, [form]: "disabled" } };
    expect(await judge([a], after, { before, full: "a" })).toMatchObject({ refusal: undefined, done: [] });
  });
});
