import type { Defence } from "./defence.ts";

/** Ways in past, through, or around the service itself, by their number in docs/threat-model.md: the tests ask a real API server. */
export const serviceDefences: readonly Defence[] = [
  {
    what: "vector 12: a class that is not what the cache says",
    file: "webhook/inventory/classes.ts",
    text: "cached !== undefined && resolver.isProtectedByAll(cached)",
    without: "cached !== undefined",
    test: {
      file: "test/apiserver/halfopen.test.ts",
      name: "does not keep a class from being judged by what it is now (",
    },
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
    // Without all of it the test's own preparation fails, which proves nothing.
    text: "(p[0][0][0] in variables.classProfiles ?",
    without: "(p[0][0][0] in ['none'] ?",
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
    what: "vector 24: another version of AdmissionReview",
    file: "webhook/admission/review.ts",
    text: 'check(is("admission.k8s.io/v1"), ',
    without: "check(isString, ",
    test: {
      file: "test/apiserver/vectors/endpoint.test.ts",
      name: "are of version v1 alone, and that is the only one asked for",
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
    what: "vector 25: another version of the object",
    file: "webhook/controller/webhooks.ts",
    text: 'matchPolicy: "Equivalent"',
    without: 'matchPolicy: "Exact"',
    test: {
      file: "test/apiserver/vectors/endpoint.test.ts",
      name: "are of version v1 alone, and that is the only one asked for",
    },
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
    what: "vector 27: a request without object or old object",
    file: "webhook/admission/change.ts",
    text: "readPod(request.object, namespace)",
    without: "readPod(request.object ?? { metadata: {}, spec: { containers: [] } }, namespace)",
    also: [
      {
        file: "webhook/admission/change.ts",
        text: "readPod(request.oldObject, namespace)",
        without: "readPod(request.oldObject ?? request.object, namespace)",
      },
    ],
    test: { file: "test/apiserver/vectors/endpoint.test.ts", name: "are a refusal" },
  },
  {
    what: "vector 33: a grant that has ended",
    file: "webhook/policy/grants.ts",
    text: "candidates.filter(({ spec }) => !isExpired(spec.notAfter, now)).sort(",
    without: "[...candidates].sort(",
    test: {
      file: "test/apiserver/admission.test.ts",
      name: "it ends within 5 s of its time, and of its deletion",
    },
  },
  {
    what: "vector 34: two replicas that give the same room",
    file: "webhook/limits/reservations.ts",
    text: "metadata: { resourceVersion }, status",
    without: "metadata: { name }, status",
    test: { file: "test/apiserver/limits.test.ts", name: "get no more than the limit of" },
  },
  {
    what: "the backstop: other CPUs for a pod without right",
    file: "manifests/optional/backstop/policy.yaml",
    text: "resources: [pods/resize] }",
    without: "resources: [pods/log] }",
    test: {
      file: "test/apiserver/backstop.test.ts",
      name: "refuses to give one that has no grant any more other CPUs",
    },
  },
  {
    what: "the backstop: an update that keeps annotations",
    file: "manifests/optional/backstop/policy.yaml",
    text: "(has(request.subResource) && request.subResource == 'resize')",
    without: "request.subResource == 'resize'",
    test: {
      file: "test/apiserver/backstop.test.ts",
      name: "leaves an ordinary pod alone whose annotations stay as they are",
    },
  },
  {
    what: "only the webhook's own pods are spared",
    file: "webhook/controller/matchconditions.ts",
    text: "(request.namespace == ${quoted(namespace)} && has(${account})",
    without: "(${quoted(namespace)} != '' && has(${account})",
    test: {
      file: "test/apiserver/vectors/identities.test.ts",
      name: "are no others of that service account's name",
    },
  },
  {
    what: "vector 35: an ordinary pod beside large ones",
    file: "webhook/server/body.ts",
    text: 'Connection: "close", "Retry-After": "1"',
    without: 'Connection: "close"',
    test: {
      file: "test/apiserver/vectors/endpoint.test.ts",
      name: "of an ordinary size is judged while large ones come in",
    },
  },
  {
    what: "vector 35: more than the webhook can hold",
    file: "webhook/server/body.ts",
    text: "if (!inFlight.take(remoteAddress, size)) throw busy();",
    without: 'if (!inFlight.take("", 0)) throw busy();',
    test: {
      file: "test/apiserver/vectors/endpoint.test.ts",
      name: "over all that may be in flight are not read, and their room comes back",
    },
  },
  {
    what: "vector 35: one address that would have all room",
    file: "webhook/server/shares.ts",
    text: " || own > this.#each",
    without: "",
    test: { file: "webhook/server/server.test.ts", name: "lets no one address have all connections" },
  },
  {
    what: "vector 26: a body of more values than the webhook can hold",
    file: "webhook/server/density.ts",
    text: "const MAX_MARKS = 600_000;",
    without: "const MAX_MARKS = 600_000_000;",
    test: {
      file: "test/apiserver/vectors/endpoint.test.ts",
      name: "of more values than any object has is not read",
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
