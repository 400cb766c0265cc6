import type { Defence } from "./defence.ts";

const readiness = "webhook/server/readiness.ts";
/** How its tests begin. */
const replica = "a replica that";

/** What keeps the service from being in the way, and its reports true. */
export const runningDefences: readonly Defence[] = [
  {
    what: "a replica whose certificate the live configurations do not trust is not ready",
    file: readiness,
    text: " && configurations.trusts(leaf, clock.now())",
    without: "",
    test: { file: "webhook/server/readiness.test.ts", name: replica },
  },
  {
    what: "a replica that has not seen the live configurations right is not ready",
    file: readiness,
    text: "if (!controller.settled)",
    without: "if (!controller)",
    test: { file: "webhook/server/readiness.test.ts", name: replica },
  },
  {
    what: "connections that are idle are kept longer than the API server keeps them",
    file: "webhook/server/server.ts",
    text: "  server.keepAliveTimeout = KEEP_ALIVE_MS;\n",
    without: "",
    test: {
      file: "webhook/server/server.test.ts",
      name: "keeps a connection that is not used any more longer than the API server does, which is 90 s",
    },
  },
  {
    what: "pods are audited though nobody told of a change",
    file: "webhook/controller/reporter.ts",
    text: "Math.min(AUDIT_MS, nextExpiry(rules.grants, now))",
    without: "nextExpiry(rules.grants, now)",
    test: {
      file: "webhook/controller/reporter.test.ts",
      name: "audits every ten minutes, whatever it is not told of, and no more often",
    },
  },
  {
    what: "the end of a grant is audited when it comes",
    file: "webhook/controller/reporter.ts",
    text: "Math.min(AUDIT_MS, nextExpiry(rules.grants, now))",
    without: "AUDIT_MS",
    test: {
      file: "webhook/controller/reporter.test.ts",
      name: "audits at once when a grant ends, though nobody changed anything",
    },
  },
  {
    what: "a class that the cache knows is not looked up",
    file: "webhook/inventory/classes.ts",
    text: "resolver.isProtectedByAll(cached)) return cached;",
    without: "!resolver) return cached;",
    test: {
      file: "test/apiserver/limits.test.ts",
      name: "costs no call of any kind to the API server where its grant has no limits",
    },
  },
  {
    what: "each decision is counted by profile and reason",
    file: "webhook/metrics.ts",
    text: "      for (const each of outcomes) admission.findings.inc({ ...each });\n",
    without: "",
    test: {
      file: "test/apiserver/admission.test.ts",
      name: "each decision is counted, by profile and reason too, and its time measured",
    },
  },
  {
    what: "the time of each decision is measured",
    file: "webhook/metrics.ts",
    text: "admission.duration.observe({ webhook }, seconds);",
    without: "admission.duration.observe({ webhook }, 0);",
    test: {
      file: "test/apiserver/admission.test.ts",
      name: "each decision is counted, by profile and reason too, and its time measured",
    },
  },
  {
    what: "a live configuration is replaced in one write",
    file: "webhook/controller/configurations.ts",
    text: "      const live = read[webhook];\n",
    without:
      "      const [path, empty] = [pathTo(webhook, this.#options), { ...read[webhook], webhooks: [] }];\n" +
      '      const put = await this.#options.api.request({ method: "PUT", path, body: empty });\n' +
      "      const live = configurationSchema.parse(put);\n",
    test: {
      file: "test/apiserver/faults.test.ts",
      name: "nothing without right passes at any moment of it",
    },
  },
  {
    what: "pods that name no class and nothing protected are not sent",
    file: "webhook/controller/matchconditions.ts",
    text: 'return [condition(terms.join(" || "))];',
    without: 'return [condition("true")];',
    test: {
      file: "test/apiserver/faults.test.ts",
      name: "ordinary pods are made while",
    },
  },
];
