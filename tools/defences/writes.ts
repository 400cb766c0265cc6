import type { Defence } from "./defence.ts";

/** Ways in by what is written, by their number in docs/threat-model.md: the tests ask a real API server. */
export const writeDefences: readonly Defence[] = [
  {
    what: "vector 2: annotations by way of the status",
    file: "webhook/controller/calls.ts",
    text: 'rules: [scope("", ["pods", "pods/status"])],',
    without: 'rules: [scope("", ["pods"])],',
    test: { file: "test/apiserver/vectors/writes.test.ts", name: "of the pod, subresource " },
  },
  {
    what: "vector 1: added or changed keys of an update",
    file: "webhook/policy/uses.ts",
    text: "after.annotations[key] !== before.annotations[key]",
    without: "key === before.uid",
    test: {
      file: "test/apiserver/vectors/writes.test.ts",
      name: "a running pod can't get a protected annotation without a grant",
    },
  },
  {
    what: "vector 3: annotations of a Binding, by way of bindings",
    file: "webhook/controller/calls.ts",
    text: '["bindings", "pods/binding"]',
    without: '["pods/binding"]',
    test: {
      file: "test/apiserver/vectors/writes.test.ts",
      name: "can't bring a protected annotation onto a pod without a grant",
    },
  },
  {
    what: "vector 3: annotations of a Binding, by way of pods/binding",
    file: "webhook/controller/calls.ts",
    text: '["bindings", "pods/binding"]',
    without: '["bindings"]',
    test: {
      file: "test/apiserver/vectors/writes.test.ts",
      name: "can't bring a protected annotation onto a pod without a grant",
    },
  },
  {
    what: "vector 3: a Binding that names another pod",
    file: "webhook/admission/validate.ts",
    text: "uids === undefined || uids.named === uids.judged ||",
    without: "uids === undefined || uids.judged !== '' ||",
    test: {
      file: "test/apiserver/vectors/writes.test.ts",
      name: "a Binding can't bring an annotation onto another pod of that name than the one that was judged",
    },
  },
  {
    what: "vector 3: a pod of that name made anew meanwhile",
    file: "webhook/admission/mutate.ts",
    text: "return uids === undefined || uids.named !== undefined || !brings ? [] : setUid(uids.judged);",
    without:
      "return uids === undefined || list.length === 0 || uids.judged !== '' ? [] : setUid(uids.judged);",
    also: [
      {
        file: "webhook/admission/validate.ts",
        text: "uids === undefined || uids.named === uids.judged ||",
        without: "uids === undefined || uids.judged !== '' ||",
      },
    ],
    test: {
      file: "test/apiserver/vectors/writes.test.ts",
      name: "a Binding can't bring an annotation onto a pod that takes the judged one's place meanwhile",
    },
  },
  {
    what: "vector 4: debugging a pod without right",
    file: "webhook/controller/calls.ts",
    text: 'rules: [scope("", ["pods/ephemeralcontainers"], ["UPDATE"])],',
    without: "rules: [],",
    test: { file: "test/apiserver/vectors/writes.test.ts", name: "can be debugged with a warning" },
  },
  {
    what: "vector 5: a resize of a pod without right",
    file: "webhook/controller/calls.ts",
    text: 'rules: [scope("", ["pods/resize"], ["UPDATE"])],',
    without: "rules: [],",
    test: { file: "test/apiserver/vectors/writes.test.ts", name: "stays as it is, and gets no more CPUs" },
  },
  {
    what: "vector 18: a protected key behind others",
    file: "webhook/policy/uses.ts",
    text: "for (const key of keys.filter(",
    without: "for (const key of keys.slice(0, 10).filter(",
    test: { file: "test/apiserver/vectors/writes.test.ts", name: "hide no protected one" },
  },
  {
    what: "vector 18: more keys than the API server can look at in time",
    file: "webhook/controller/annotationmap.ts",
    text: "const MAX_KEYS = 2_000;",
    without: "const MAX_KEYS = 2_000_000;",
    test: {
      file: "test/apiserver/vectors/writes.test.ts",
      name: "too many for the API server's own look at each",
    },
  },
  {
    what: "vector 32: a grant that is withdrawn",
    file: "webhook/policy/resize.ts",
    text: "standing(rules, resize.after, resize.handler).map((each) => {",
    without:
      "standing(rules, resize.after, resize.handler).flatMap((each) => {\n    if (each.coverage?.covered === false) return [];",
    test: { file: "test/apiserver/vectors/writes.test.ts", name: "stays as it is, and gets no more CPUs" },
  },
  {
    what: "vector 40: a slash in a key of our patch",
    file: "webhook/admission/patch.ts",
    text: '.replaceAll("/", "~1")',
    without: "",
    test: {
      file: "webhook/admission/admit.test.ts",
      name: "makes a missing map of annotations, and only then",
    },
  },
];
