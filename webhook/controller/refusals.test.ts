import { describe, expect, test } from "@jest/globals";
import type { Answered } from "../admission/admit.ts";
import { refusalEvent } from "./refusals.ts";

const owner = { apiVersion: "apps/v1", kind: "ReplicaSet", name: "engine-1", uid: "u-rs", controller: true };

function answered(
  metadata: object,
  more: Partial<Answered["request"]> = {},
  outcomes: Answered["outcomes"] = [],
): Answered {
  const resource = { group: "", version: "v1", resource: "pods" };
  const kind = { group: "", version: "v1", kind: "Pod" };
  const request = {
    ...{ uid: "u", kind, resource, namespace: "trading", operation: "CREATE" as const, userInfo: {} },
    ...{ object: { metadata }, ...more },
  };
  return { request, outcomes, refusal: "the line", seconds: 0.001 };
}

describe("a refused pod is told of", () => {
  test("on its controller", () => {
    const refused = answered({ ownerReferences: [{ ...owner, kind: "Other", controller: false }, owner] });
    expect(refusalEvent("validate", "denied", refused)).toEqual({
      regarding: {
        apiVersion: "apps/v1",
        kind: "ReplicaSet",
        namespace: "trading",
        name: "engine-1",
        uid: "u-rs",
      },
      reason: "HookRefused",
      action: "Create",
      note: "the line",
    });
  });

  test("on its namespace where it has none", () => {
    const regarding = { apiVersion: "v1", kind: "Namespace", namespace: "trading", name: "trading" };
    expect(refusalEvent("validate", "denied", answered({ name: "by-hand" }))?.regarding).toEqual(regarding);
  });

  test("on itself where it is there already", () => {
    const refused = answered({ name: "a", uid: "u-a", ownerReferences: [owner] }, { operation: "UPDATE" });
    const event = refusalEvent("validate", "denied", refused);
    expect(event).toMatchObject({ action: "Update", regarding: { kind: "Pod", name: "a", uid: "u-a" } });
  });

  test.each([
    ["NotGranted", "HookNotGranted"],
    ["Expired", "HookNotGranted"],
    ["NoRoom", "HookNotGranted"],
    ["Unusable", "HookRefused"],
  ] as const)("with a reason that programs can read: %s gives %s", (reason, expected) => {
    const refused = answered({}, {}, [{ profile: "p", reason }]);
    expect(refusalEvent("validate", "denied", refused)?.reason).toBe(expected);
  });

  test("only once, only where it was refused, and not in a dry run", () => {
    expect(refusalEvent("mutate", "denied", answered({}))).toBeUndefined();
    expect(refusalEvent("validate", "warned", answered({}))).toBeUndefined();
    expect(refusalEvent("validate", "error", answered({}))).toBeUndefined();
    expect(refusalEvent("validate", "denied", answered({}, { dryRun: true }))).toBeUndefined();
  });
});
