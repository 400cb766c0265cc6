import { describe, expect, test } from "@jest/globals";
import { complaints } from "./conformance.ts";
import { reviewOf } from "./response.ts";

const patch = Buffer.from('[{"op":"add","path":"/spec/runtimeClassName","value":"a"}]').toString("base64");
const good = { uid: "u", allowed: true, patch, patchType: "JSONPatch" };

function review(response: object, more: object = {}): object {
  return { apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", response, ...more };
}

describe("the validator of answers", () => {
  test("is content with every kind of our answers", () => {
    expect(complaints("u", true, review(good))).toEqual([]);
    expect(complaints("u", false, reviewOf("u", {}))).toEqual([]);
    const refusal = { code: 403, message: "no" } as const;
    expect(complaints("u", false, reviewOf("u", { refusal, warnings: ["w"], audit: { a: "b" } }))).toEqual(
      [],
    );
    expect(
      complaints("u", true, reviewOf("u", { patch: [{ op: "remove", path: "/metadata/annotations/a~1b" }] })),
    ).toEqual([]);
  });

  const encoded = (text: string): object => ({ ...good, patch: Buffer.from(text).toString("base64") });
  test.each<[string, object, boolean]>([
    ["another uid", review({ ...good, uid: "v" }), true],
    ["no uid", review({ allowed: true }), true],
    ["another version", review(good, { apiVersion: "admission.k8s.io/v1beta1" }), true],
    ["another kind", review(good, { kind: "Pod" }), true],
    ["a patch without its type", review({ uid: "u", allowed: true, patch }), true],
    ["a type without its patch", review({ uid: "u", allowed: true, patchType: "JSONPatch" }), true],
    ["another type of patch", review({ ...good, patchType: "MergePatch" }), true],
    ["a patch from the validating webhook", review(good), false],
    ["a patch that is not base64", review({ ...good, patch: "[{}]" }), true],
    ["a patch that is not JSON", review(encoded("{")), true],
    ["a patch that is no list", review(encoded("{}")), true],
    ["a step that is none", review(encoded('[{"op":"set","path":"/a","value":1}]')), true],
    ["a pointer that does not begin at the root", review(encoded('[{"op":"remove","path":"a"}]')), true],
    ["a pointer with a bare tilde", review(encoded('[{"op":"remove","path":"/a~b"}]')), true],
    ["a refusal without a reason", review({ uid: "u", allowed: false }), false],
    ["a warning of two lines", review({ uid: "u", allowed: true, warnings: ["a\nb"] }), false],
    ["nothing", {}, true],
  ])("complains about %s", (_, answer, mutating) => {
    expect(complaints("u", mutating, answer)).not.toEqual([]);
  });
});
