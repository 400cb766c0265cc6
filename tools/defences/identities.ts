import type { Defence } from "./defence.ts";

/** Ways in by who somebody says to be, by their number in docs/threat-model.md: the tests ask a real API server. */
export const identityDefences: readonly Defence[] = [
  {
    what: "vector 6: a pod that claims to mirror a static one",
    file: "webhook/policy/node.ts",
    text: "if (!isNode(groups) || pod.nodeName === undefined || ",
    without: "if (",
    test: {
      file: "test/apiserver/vectors/identities.test.ts",
      name: "mirrors its own static pod untouched; nobody else can pretend to",
    },
  },
  {
    what: "vector 7: whose pod it is decides, not who writes",
    file: "webhook/admission/admit.ts",
    text: 'if (route === "create" && isMirror(write.change.after, user)) return {};',
    without: 'if (user.groups.includes("system:masters")) return {};',
    test: {
      file: "test/apiserver/vectors/identities.test.ts",
      name: "a cluster's admin is refused like anybody",
    },
  },
  {
    what: "vector 8: whose service account it is",
    file: "common/api/subject.ts",
    text: "(each.serviceAccounts === undefined || each.serviceAccounts.includes(account.serviceAccount)),",
    without: "true,",
    test: {
      file: "test/apiserver/vectors/identities.test.ts",
      name: "a service account that is not named is default, and its old name is the same",
    },
  },
  {
    what: "vector 9: nothing is keyed by a name",
    file: "webhook/admission/admit.ts",
    text: "  const route = routeOf(webhook, request);",
    without:
      "  if (JSON.stringify(request.object ?? {}).includes('generateName')) return {};\n  const route = routeOf(webhook, request);",
    test: {
      file: "test/apiserver/vectors/identities.test.ts",
      name: "a name that the server makes is no way in, and the line names the pod",
    },
  },
  {
    what: "vector 10: what another webhook adds after ours",
    file: "webhook/policy/grantannotation.ts",
    text: "return { ...each, faults: [...each.faults, fault] };",
    without: 'return { ...each, faults: fault === "" ? [] : each.faults };',
    test: {
      file: "test/apiserver/vectors/identities.test.ts",
      name: "what another webhook adds after ours is judged, and is never given a grant in silence",
    },
  },
  {
    what: "vector 13: labels of the namespace that select a grant",
    file: "common/api/subject.ts",
    text: "      each.namespace === account.namespace &&\n",
    without: "",
    also: [
      {
        file: "webhook/inventory/inventory.ts",
        text: "this.#grantsByNamespace.get(namespace) ?? []",
        without: "this.grants()",
      },
    ],
    test: {
      file: "test/apiserver/vectors/identities.test.ts",
      name: "of a namespace, however they are written, let nothing through",
    },
  },
  {
    what: "vector 14: labels of the namespace that exclude it",
    file: "webhook/controller/webhooks.ts",
    text: "namespaceSelector: {},",
    without:
      'namespaceSelector: { matchExpressions: [{ key: "schedgate.dev/ignore", operator: "DoesNotExist" }] },',
    test: {
      file: "test/apiserver/vectors/identities.test.ts",
      name: "of a namespace, however they are written, let nothing through",
    },
  },
  {
    what: "vector 15: labels of the pod that exclude it",
    file: "webhook/controller/webhooks.ts",
    text: "objectSelector: {},",
    without:
      'objectSelector: { matchExpressions: [{ key: "schedgate.dev/ignore", operator: "DoesNotExist" }] },',
    test: { file: "test/apiserver/vectors/identities.test.ts", name: "of a pod let nothing through" },
  },
  {
    what: "vector 22: another case",
    file: "webhook/controller/keyexpression.ts",
    text: "`k in [${list",
    without: "`k.lowerAscii() in [${list",
    test: {
      file: "test/apiserver/vectors/identities.test.ts",
      name: "another case is another key, which nobody reads",
    },
  },
  {
    what: "vectors 29 and 31: whoever made the pod",
    file: "webhook/controller/matchconditions.ts",
    text: "const HAS = `has(${NEW})`;",
    without: "const HAS = `!has(object.metadata.ownerReferences) && has(${NEW})`;",
    test: {
      file: "test/apiserver/vectors/identities.test.ts",
      name: "pods of a controller are judged, also those that scaling makes",
    },
  },
  {
    what: "vector 30: a pod that names its node itself",
    file: "webhook/admission/admit.ts",
    text: "isMirror(write.change.after, user)",
    without: "write.change.after.nodeName !== undefined",
    test: {
      file: "test/apiserver/vectors/identities.test.ts",
      name: "a pod that names its node itself is judged all the same",
    },
  },
  {
    what: "vector 36: a node writes what is protected",
    file: "webhook/policy/node.ts",
    text: "if (first === undefined) return undefined;",
    without: 'if (first === undefined || pod.nodeName !== "") return undefined;',
    test: {
      file: "test/apiserver/vectors/identities.test.ts",
      name: "may not write a protected annotation, granted or not, and its status writes never arrive",
    },
  },
  {
    what: "vector 37: the webhook's own rights",
    file: "manifests/prerequisites/webhook-rbac.yaml",
    text: "    resourceNames: [schedgate-webhook-ca]\n",
    without: "",
    test: { file: "test/apiserver/vectors/identities.test.ts", name: "the webhook's own rights" },
  },
  {
    what: "vector 39: the class is given only with a grant",
    file: "webhook/admission/mutate.ts",
    text: "return covered ? { pod, findings: list } : undefined;",
    without: "return covered !== undefined ? { pod, findings: list } : undefined;",
    test: {
      file: "test/apiserver/vectors/identities.test.ts",
      name: "nobody gets the class from us without a grant",
    },
  },
];
