import { expect, test } from "@jest/globals";
import { protectsKey, readProtection } from "./protection.ts";

test.each([
  ["a.example/ask", true],
  ["ask.a.example/main", true],
  ["ask.a.example", false],
  ["a.example/asked", false],
])("a request is protected, for pod and container, though no glob says so: %s", (key, isProtected) => {
  const request = { annotation: "a.example/ask" };
  const protection = readProtection({ protects: {}, request, enforcement: "Enforce" });
  expect(protectsKey(protection, key)).toBe(isProtected);
});
