import { expect, test } from "@jest/globals";
import { readPod } from "../../common/api/pod.ts";
import { markOf } from "./mark.ts";

// What the API server makes of it is shown in test/apiserver/vectors/asking.test.ts.
test.each([{ ask: "enabled" }, { ask: "enabled", "schedgate.dev/grant": "forged" }])(
  "the mark counts the annotations that the pod will have with its grant, and all containers: %j",
  (annotations) => {
    const spec = { containers: [{ name: "a" }], initContainers: [{ name: "b" }, { name: "c" }] };
    expect(markOf(readPod({ metadata: { annotations }, spec }, "x"))).toBe("schedgate.dev/done 2 3");
  },
);
