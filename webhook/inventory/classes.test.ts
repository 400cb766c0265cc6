import { describe, expect, test } from "@jest/globals";
import { KubeApiError } from "../../common/kube/port.ts";
import type { KubeRequest } from "../../common/kube/port.ts";
import { resolveHandler } from "./classes.ts";

/** A resolver whose cache says `cached`, and whose API server says `live`; `asked` are the calls that it got. */
function resolver(cached: string | undefined, live: string | KubeApiError) {
  const asked: string[] = [];
  const request = (call: KubeRequest): Promise<unknown> => {
    asked.push(call.path);
    return live instanceof KubeApiError
      ? Promise.reject(live)
      : Promise.resolve({ metadata: { name: "c" }, handler: live });
  };
  const watch = (): never => {
    throw new Error("not watched");
  };
  return {
    asked,
    api: { request, watch },
    cached: (name: string) => (cached === undefined ? undefined : { metadata: { name }, handler: cached }),
    isProtectedByAll: (handler: string) => handler === "wrapper",
  };
}

function failure(status: number): KubeApiError {
  return new KubeApiError({ method: "GET", path: "/x" }, { status, reason: "", message: "" });
}

describe("the handler of a RuntimeClass", () => {
  test("is the cache's word where no profile could say more", async () => {
    const protectedOne = resolver("wrapper", failure(500));
    expect(await resolveHandler(protectedOne, "c")).toBe("wrapper");
    expect(protectedOne.asked).toEqual([]);
  });

  test.each([undefined, "other"])(
    "is asked for live before anything less is believed (cache: %s)",
    async (cached) => {
      const changed = resolver(cached, "wrapper");
      expect(await resolveHandler(changed, "a/b")).toBe("wrapper");
      expect(changed.asked).toEqual(["/apis/node.k8s.io/v1/runtimeclasses/a%2Fb"]);
    },
  );

  test("is none where the class does not exist, and unknown where nobody says", async () => {
    expect(await resolveHandler(resolver("other", failure(404)), "c")).toBeUndefined();
    await expect(resolveHandler(resolver("other", failure(0)), "c")).rejects.toThrow("no answer");
    await expect(resolveHandler(resolver(undefined, failure(403)), "c")).rejects.toThrow("403");
  });
});
