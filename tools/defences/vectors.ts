import type { Defence } from "./defence.ts";

/** Ways in of docs/threat-model.md, by number: their tests ask a real API server. */
export const vectorDefences: readonly Defence[] = [
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
    what: "vector 3: annotations of a Binding",
    file: "webhook/controller/calls.ts",
    text: 'rules: [scope("", ["bindings", "pods/binding"], ["CREATE"])],',
    without: "rules: [],",
    test: {
      file: "test/apiserver/vectors/writes.test.ts",
      name: "can't bring a protected annotation onto a pod without a grant",
    },
  },
  {
    what: "vector 3: a Binding for another pod of that name",
    file: "webhook/admission/mutate.ts",
    text: "return uids === undefined || uids.named !== undefined || list.length === 0 ? [] : setUid(uids.judged);",
    without: "return uids === undefined || list.length === 0 ? [] : setUid(uids.named ?? uids.judged);",
    test: {
      file: "test/apiserver/vectors/writes.test.ts",
      name: "a Binding can't bring an annotation onto another pod of that name than the one that was judged",
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
    what: "vector 9: nothing is keyed by a name",
    file: "webhook/admission/admit.ts",
    text: "  const route = routeOf(webhook, request);",
    without: "  if (!request.name) return {};\n  const route = routeOf(webhook, request);",
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
    what: "vector 18: a protected key behind others",
    file: "webhook/policy/uses.ts",
    text: "for (const key of keys.filter(",
    without: "for (const key of keys.slice(0, 10).filter(",
    test: { file: "test/apiserver/vectors/writes.test.ts", name: "hide no protected one" },
  },
  {
    what: "vector 19: the webhook is down",
    file: "webhook/controller/webhooks.ts",
    text: "    failurePolicy,\n",
    without: '    failurePolicy: failurePolicy && "Ignore",\n',
    test: {
      file: "test/apiserver/configuration.test.ts",
      name: "are made while the webhook is down; protected ones are refused",
    },
  },
  {
    what: "vector 20: the configuration is weakened",
    file: "webhook/controller/configurations.ts",
    text: "      if (differs.length > 0)",
    without: "      if (differs.length > 0 && !live.webhooks)",
    test: { file: "test/apiserver/configuration.test.ts", name: "are put right when somebody changes them" },
  },
  {
    what: "vector 20: the configuration is removed",
    file: "manifests/optional/backstop/policy.yaml",
    text: "- expression: size(variables.missing) == 0",
    without: "- expression: size(variables.missing) >= 0",
    test: {
      file: "test/apiserver/backstop.test.ts",
      name: "refuses what no grant covers, with one line that says how it is granted",
    },
  },
  {
    what: "the backstop: a class that it does not know",
    file: "manifests/optional/backstop/policy.yaml",
    text: ": variables.profiles.filter(p, size(p[1]) > 0).map(p, p[0][0][0])",
    without: ": []",
    test: {
      file: "test/apiserver/backstop.test.ts",
      name: "refuses a class made a moment before, whatever its handler",
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
  {
    what: "vector 25: kinds, versions and operations that nobody named",
    file: "webhook/admission/routes.ts",
    text: 'if (route !== undefined && sameVersion && (route === "class" || namespace)) return route;',
    without: 'return sameVersion ? (route ?? "debug") : "debug";',
    test: { file: "test/apiserver/vectors/endpoint.test.ts", name: "are a refusal" },
  },
  {
    what: "vector 26: a body too large to read",
    file: "webhook/server/app.ts",
    text: "const MAX_BODY = 7 * 1024 * 1024;",
    without: "const MAX_BODY = 70 * 1024 * 1024;",
    test: {
      file: "test/apiserver/vectors/endpoint.test.ts",
      name: "of 6 MiB is judged in bounded time, one over 7 MiB is not read",
    },
  },
  {
    what: "vector 33: a grant that has ended",
    file: "webhook/policy/grants.ts",
    text: "candidates.filter(({ spec }) => !isExpired(spec.notAfter, now)).sort(",
    without: "[...candidates].sort(",
    test: { file: "test/apiserver/admission.test.ts", name: "it ends at its time, and when it is deleted" },
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
  {
    what: "a dead connection is noticed by its silence",
    file: "common/kube/http.ts",
    text: "    silence.abort();",
    without: "    silence.signal.throwIfAborted();",
    test: {
      file: "test/apiserver/halfopen.test.ts",
      name: "is noticed by its silence, and what was missed is listed",
    },
  },
];
