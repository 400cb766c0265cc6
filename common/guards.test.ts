import { describe, expect, test } from "@jest/globals";
import {
  check,
  checkFields,
  checkOptional,
  isListOf,
  isMapOf,
  isOptional,
  isShapeOf,
  isString,
} from "./guards.ts";

const text = check(isString, "not a string");

describe("a check of fields", () => {
  const pod = checkFields({
    metadata: checkFields({ name: text }),
    status: checkOptional(checkFields({ a: text })),
  });

  test.each<[unknown, string | undefined]>([
    [{ metadata: { name: "a", more: 1 } }, undefined],
    [{ metadata: { name: "a" }, status: null }, undefined],
    [{ metadata: { name: "a" }, status: { a: "" } }, undefined],
    [{ metadata: { name: 1 } }, "metadata: name: not a string"],
    [{ metadata: {} }, "metadata: name: not a string"],
    [{}, "metadata: not an object"],
    [{ metadata: [] }, "metadata: not an object"],
    [{ metadata: { name: "a" }, status: {} }, "status: a: not a string"],
    [JSON.parse('{ "__proto__": { "metadata": { "name": "a" } } }'), "metadata: not an object"],
    [null, "not an object"],
    [[], "not an object"],
    ["", "not an object"],
  ])("says of %j: %s", (value, fault) => {
    expect(pod(value)).toBe(fault);
  });
});

test.each<[string, (value: unknown) => boolean, unknown, boolean]>([
  ["a list", isListOf(isString), ["a", 1], false],
  ["a list", isListOf(isString), { 0: "a" }, false],
  ["a map", isMapOf(isString), { a: "a" }, true],
  ["a map", isMapOf(isString), ["a"], false],
  ["a shape", isShapeOf({ a: isString }), { a: "a", b: 1 }, true],
  ["a shape", isShapeOf({ a: isString }), {}, false],
  ["an optional", isOptional(isString), null, true],
  ["an optional", isOptional(isString), 0, false],
])("a guard of %s", (...[, guard, value, passes]) => {
  expect(guard(value)).toBe(passes);
});
