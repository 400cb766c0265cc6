// The arrows of docs/architecture.md, as rules: common <- webhook, common <- node-agent, certs <- webhook.
const heavy = "node_modules/(@kubernetes/client-node|express|zod|pino|prom-client|yaml|node-forge)/";

module.exports = {
  forbidden: [
    {
      name: "common-knows-nobody",
      comment: "common is below every program",
      severity: "error",
      from: { path: "^common/" },
      to: { path: "^(webhook|node-agent|certs|test|tools)/" },
    },
    {
      name: "certs-knows-common-only",
      severity: "error",
      from: { path: "^certs/" },
      to: { path: "^(webhook|node-agent|test|tools)/" },
    },
    {
      name: "webhook-and-node-agent-are-strangers",
      severity: "error",
      from: { path: "^webhook/" },
      to: { path: "^(node-agent|test|tools)/" },
    },
    {
      name: "node-agent-and-webhook-are-strangers",
      severity: "error",
      from: { path: "^node-agent/" },
      to: { path: "^(webhook|certs|test|tools)/" },
    },
    {
      name: "policy-is-pure",
      comment: "decisions know only the API's types and each other",
      severity: "error",
      from: { path: "^webhook/policy/", pathNot: "\\.test\\.ts$" },
      to: { pathNot: "^(webhook/policy/|common/(api/|cpuset|quantity|glob|errors))" },
    },
    {
      name: "cli-judges-and-reads",
      comment: "the command line shares the decision with the webhook, and none of what serves or writes",
      severity: "error",
      from: { path: "^webhook/cli/", pathNot: "\\.test\\.ts$" },
      to: {
        path: "^(webhook|certs|node-agent|test|tools)/",
        pathNot: "^webhook/(cli|policy|admission|inventory/classes)",
      },
    },
    {
      name: "hook-path-is-light",
      comment: "the wrapper and the hook start for each container: nothing heavy may be reachable from them",
      severity: "error",
      from: { path: "^node-agent/(oci|isolation)/", pathNot: "\\.test\\.ts$" },
      to: { path: heavy, reachable: true },
    },
    {
      name: "no-cycles",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    {
      name: "tests-only-use-dev-dependencies",
      severity: "error",
      from: { path: "^(common|certs|webhook|node-agent)/", pathNot: "\\.test\\.ts$" },
      to: { dependencyTypes: ["npm-dev"], dependencyTypesNot: ["type-only"] },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ["exports"], conditionNames: ["import", "node", "default"] },
  },
};
