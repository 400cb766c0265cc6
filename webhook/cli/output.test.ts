import { describe, expect, test } from "@jest/globals";
import { parse } from "yaml";
import { yaml } from "./output.ts";

describe("YAML for kubectl, which reads version 1.1, and for readers of 1.2", () => {
  test.each([
    ...["y", "n", "yes", "No", "on", "OFF", "true", "null", "~", ""],
    ...["017", "0o17", "0b1", "0x1f", "1_000", "1e3", ".5", ".inf", "190:20:30", "12:30"],
    ...["2026-01-01", "2026-01-01T00:00:00Z", "=", "<<", "- a", "a: b", "a #b", "two\nlines\n", " a"],
  ])("%j stays text, as a value and as a key", (text) => {
    const data = { value: text, list: [text], [text]: "key" };
    for (const version of ["1.1", "1.2"] as const) expect(parse(yaml(data), { version })).toEqual(data);
  });

  test("what is no text stays what it is, and plain words are not quoted", () => {
    const data = { number: 17, truth: true, nothing: null, word: "trading", empty: [] };
    expect(yaml(data)).toBe("number: 17\ntruth: true\nnothing: null\nword: trading\nempty: []");
  });

  test("the same object twice is written twice: kubectl's users do not expect anchors", () => {
    const same = { a: "b" };
    expect(yaml([same, same])).toBe("- a: b\n- a: b");
  });
});
