import { describe, expect, test } from "@jest/globals";
import { type KubeApi, KubeApiError } from "../../common/kube/port.ts";
import { beingRemoved } from "./removal.ts";

function answering(answer: number | object): KubeApi {
  return {
    request: ({ method, path }) =>
      typeof answer === "number"
        ? Promise.reject(new KubeApiError({ method, path }, { status: answer, reason: "", message: "no" }))
        : Promise.resolve(answer),
    watch: () => {
      throw new Error("not expected");
    },
  };
}

describe("whether its DaemonSet removes the agent", () => {
  test.each<[boolean, string, number | object]>([
    [true, "is gone", 404],
    [true, "is being deleted", { metadata: { deletionTimestamp: "2026-01-01T00:00:00Z" } }],
    [false, "is still there", { metadata: {} }],
    [false, "does not say", 401],
    [false, "does not say", 403],
    [false, "does not say", 500],
    [false, "does not say", 0],
  ])("%s: it %s (%j)", async (removed, why, answer) => {
    const removal = await beingRemoved(answering(answer), "ns", "agent");
    expect(removal).toEqual({ removed, why: expect.stringContaining(why) });
  });
});
