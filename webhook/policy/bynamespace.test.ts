import { expect, test } from "@jest/globals";
import { byNamespace } from "./bynamespace.ts";
import { grantOf } from "./testing.ts";

test("a grant stands under each namespace that it names, once", () => {
  const both = grantOf("both");
  const other = grantOf("other");
  both.spec.subjects = [{ namespace: "a" }, { namespace: "b" }, { namespace: "b" }];
  other.spec.subjects = [{ namespace: "b" }];
  expect([...byNamespace([both, other])]).toEqual([
    ["a", [both]],
    ["b", [both, other]],
  ]);
});
