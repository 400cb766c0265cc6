import type { Defence } from "./defence.ts";

/** Ways in by RuntimeClasses and profiles, by their number in docs/threat-model.md: the tests ask a real API server. */
export const classDefences: readonly Defence[] = [
  {
    what: "vector 11: an alias with the same handler",
    file: "webhook/policy/uses.ts",
    text: "profile.handlers.has(handler)",
    without: "profile.handlers.has(pod.runtimeClassName)",
    test: {
      file: "test/apiserver/vectors/classes.test.ts",
      name: "an alias made one moment before is no way in",
    },
  },
  {
    what: "vector 16: a look-up that fails",
    file: "webhook/admission/admit.ts",
    text: "answerTo(webhook, request, deps).catch((error: unknown) => failed(error, deps));",
    without: "answerTo(webhook, request, deps).catch(() => ({}) as Answer);",
    test: {
      file: "test/apiserver/vectors/classes.test.ts",
      name: "while the webhook can't look it up, no pod with a class is let through",
    },
  },
  {
    what: "vector 17: a pattern that is none",
    file: "manifests/prerequisites/crds/hookprofiles.yaml",
    text: 'rule: self.matches(r"^(?:[ -Z',
    without: 'rule: true || self.matches(r"^(?:[ -Z',
    test: {
      file: "test/apiserver/vectors/classes.test.ts",
      name: "that can't be a glob is refused by the API server, and a slow one slows nobody",
    },
  },
  {
    what: "vector 17: a pattern that stalls",
    file: "common/glob.ts",
    text: "  const chars = Array.from(text);\n",
    without:
      "  if (glob.length > 0) return new RegExp(globToRe2(glob)).test(text);\n  const chars = Array.from(text);\n",
    test: {
      file: "test/apiserver/vectors/classes.test.ts",
      name: "that can't be a glob is refused by the API server, and a slow one slows nobody",
    },
  },
  {
    what: "the mark of a pod that is made means nothing later",
    file: "webhook/admission/mark.ts",
    text: "'request.operation == \"CREATE\"',",
    without: "'request.operation != \"DELETE\"',",
    test: {
      file: "test/apiserver/vectors/asking.test.ts",
      name: "means nothing on a pod that is there already",
    },
  },
  {
    what: "vector 21: pods from before a profile gain nothing",
    file: "webhook/policy/uses.ts",
    text: "return Object.keys(after.annotations).filter(",
    without: "return Object.keys(before.annotations).filter(",
    test: {
      file: "test/apiserver/vectors/classes.test.ts",
      name: "leaves pods alone that were there before, and lets them gain nothing",
    },
  },
];
