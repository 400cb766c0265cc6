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
  more: { before?: Pod; dryRun?: boolean; full?: string; profiles?: (typeof second)[] } = {},
): Promise<{ refusal: string | undefined; done: string[] }> {
  const { before, dryRun = false, full, profiles = [cpuIsolation] } = more;
  const done: string[] = [];
  const change: Change = { before, after, handler: before === undefined ? "wrapper" : undefined };
  const lacking = (grant: string): Full => ({ grant, limit: "pods", used: 4, max: 4, takes: 1 });
  const room: Parameters<typeof validation>[2] = {
    reserve: ({ grant, isolatedCPUs }, _, dry) => {
      done.push(`${dry ? "?" : "+"}${grant}:${String(isolatedCPUs)}`);
      return Promise.resolve(grant === full ? lacking(grant) : undefined);
    },
    release: ({ grant }) => done.push(`-${grant}`),
  };
  const judged = { rules: rulesOf(profiles, grants), change, dryRun };
  const { refusal } = await validation(judged, { change, written: after.annotations, groups: [] }, room);
  return { refusal: refusal?.message, done };
}

const a = grantOf("a", { limits });
const b = grantOf("b", { profileName: "second", limits });
const both = { profiles: [cpuIsolation, second] };

describe("a pod that is created", () => {
  test("takes its room of the grant that it names", async () => {
    expect(await judge([a], asking("a"))).toEqual({ refusal: undefined, done: ["+a:2"] });
    const open = grantOf("a");
    expect(await judge([open], asking("a"))).toEqual({ refusal: undefined, done: [] });
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

  test("may always stop asking, whatever that would count", async () => {
    const containers = [container("main"), container("other", "4")];
    const form = "cpu-isolation.schedgate.dev/main";
    const before = podOf({ annotations: { [form]: "enabled", [GRANT_ANNOTATION]: "a" }, containers });
    const after = { ...before, annotations: { ...before.annotations, [form]: "disabled" } };
    expect(await judge([a], after, { before, full: "a" })).toEqual({ refusal: undefined, done: [] });
  });
});
