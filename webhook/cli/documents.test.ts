import { describe, expect, test } from "@jest/globals";
import { readDocuments } from "./documents.ts";

const object = (name: string): object => ({ apiVersion: "v1", kind: "Pod", metadata: { name } });
const names = (text: string): [string, unknown][] =>
  readDocuments("f", text).map((each) => [each.place, each.object.metadata?.name]);

describe("the documents of a file", () => {
  test.each<[string, string, [string, string][]]>([
    ["one YAML document", "apiVersion: v1\nkind: Pod\nmetadata: {name: a}", [["f, document 1", "a"]]],
    [
      "several, empty ones counted but passed over",
      `---\n${JSON.stringify(object("a"))}\n---\n# nothing\n---\n${JSON.stringify(object("b"))}\n`,
      [
        ["f, document 1", "a"],
        ["f, document 3", "b"],
      ],
    ],
    ["JSON", JSON.stringify(object("a"), undefined, "\t"), [["f, document 1", "a"]]],
    [
      "a List",
      JSON.stringify({ apiVersion: "v1", kind: "List", items: [object("a"), object("b")] }),
      [
        ["f, document 1, item 1", "a"],
        ["f, document 1, item 2", "b"],
      ],
    ],
    [
      "a typed list whose items do not repeat their kind",
      JSON.stringify({ apiVersion: "v1", kind: "PodList", items: [{ metadata: { name: "a" } }] }),
      [["f, document 1, item 1", "a"]],
    ],
    ["nothing", "", []],
  ])("%s", (_, text, expected) => {
    expect(names(text)).toEqual(expected);
  });

  test("values are read as kubectl reads them: instants stay text, on is a boolean, merge keys work", () => {
    const text = `apiVersion: v1
kind: Pod
base: &base {a: 2027-01-01T00:00:00Z, b: on, c: 1:30}
metadata: {name: a}
spec: {<<: *base}
`;
    expect(readDocuments("f", text)[0]?.object["spec"]).toEqual({
      a: "2027-01-01T00:00:00Z",
      b: true,
      c: "1:30",
    });
  });

  test("a key named __proto__ is a key like any other", () => {
    const text = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {__proto__: {x: 1}}\n";
    expect(Object.keys(readDocuments("f", text)[0]?.object["spec"] as object)).toEqual(["__proto__"]);
  });

  test.each<[string, string, string]>([
    ["broken YAML", "a: [", "f, document 1: not YAML or JSON"],
    ["broken in the second", `${JSON.stringify(object("a"))}\n---\nb: "`, "f, document 2: not YAML or JSON"],
    ["no object", "just text", "f, document 1: not a Kubernetes object"],
    ["no kind", "apiVersion: v1", "f, document 1: not a Kubernetes object"],
    [
      "a list of something else",
      JSON.stringify({ apiVersion: "v1", kind: "List", items: [1] }),
      "f, document 1, item 1",
    ],
    ["a key twice", "kind: Pod\nkind: Pod", "f, document 1: not YAML or JSON"],
    [
      "aliases that grow without end",
      `a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [${"*a,".repeat(10)}]\nc: &c [${"*b,".repeat(10)}]\nd: &d [${"*c,".repeat(10)}]\ne: [${"*d,".repeat(10)}]`,
      "f, document 1: not YAML or JSON: Excessive alias count",
    ],
  ])("%s is named with its place", (_, text, message) => {
    expect(() => readDocuments("f", text)).toThrow(message);
  });
});
