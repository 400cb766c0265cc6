import type { ResourceName } from "../../../../common/kube/paths.ts";
import type { Json } from "../../../apiserver/cluster.ts";
import { ASK } from "../../../apiserver/objects.ts";
import { ACCOUNT, ASKS, USES } from "../contenders/cel.ts";
import { CLASS } from "../workloads.ts";

/** A policy of Kyverno, to be created. The grants stand in the policy itself: no look-up is faster. */
export interface Policy {
  kind: ResourceName;
  body: Json;
}

const NAMES = { inject: "bench-inject", check: "bench-check" };
const MESSAGE = `only a grant allows RuntimeClass ${CLASS} and annotation ${ASK}`;

/** A MutatingPolicy and a ValidatingPolicy. */
export function celPolicies(accounts: readonly string[]): Policy[] {
  const variables = [{ name: "granted", expression: `(${ACCOUNT}) in ${JSON.stringify(accounts)}` }];
  const patch = `[JSONPatch{op: "add", path: "/spec/runtimeClassName", value: "${CLASS}"}]`;
  const inject = {
    ...celSpec(["CREATE"]),
    variables,
    matchConditions: [{ name: "asks", expression: ASKS }],
    mutations: [{ patchType: "JSONPatch", jsonPatch: { expression: `variables.granted ? ${patch} : []` } }],
  };
  const check = {
    ...celSpec(["CREATE", "UPDATE"]),
    variables: [...variables, { name: "uses", expression: USES }],
    validationActions: ["Deny"],
    validations: [{ expression: "!variables.uses || variables.granted", message: MESSAGE }],
  };
  const group = { group: "policies.kyverno.io", version: "v1" };
  const head = (kind: string, name: string): Json => ({
    apiVersion: "policies.kyverno.io/v1",
    kind,
    metadata: { name },
  });
  return [
    {
      kind: { ...group, resource: "mutatingpolicies" },
      body: { ...head("MutatingPolicy", NAMES.inject), spec: inject },
    },
    {
      kind: { ...group, resource: "validatingpolicies" },
      body: { ...head("ValidatingPolicy", NAMES.check), spec: check },
    },
  ];
}

function celSpec(operations: string[]): Json {
  return {
    failurePolicy: "Fail",
    autogen: { podControllers: { controllers: [] } },
    matchConstraints: {
      resourceRules: [{ apiGroups: [""], apiVersions: ["v1"], operations, resources: ["pods"] }],
    },
  };
}

const POD = "request.object";
const CLASS_OF = `{{ ${POD}.spec.runtimeClassName || '' }}`;
const ACCOUNT_OF = `{{ request.namespace }}/{{ ${POD}.spec.serviceAccountName || 'default' }}`;
const KEYS_OF = `{{ keys(${POD}.metadata.annotations || \`{}\`) }}`;
const KEYS = [
  ASK,
  "cpu-isolation.schedgate.dev/*",
  "cpu-load-balancing.crio.io",
  "cpu-load-balancing.crio.io/*",
];

/** Two policies of the older kind: JMESPath. */
export function classicPolicies(accounts: readonly string[]): Policy[] {
  const asked = `{{ ${POD}.metadata.annotations."${ASK}" || '' }}`;
  const inject = {
    name: "inject",
    match: podsOn(["CREATE"]),
    preconditions: {
      all: [
        { key: asked, operator: "Equals", value: "enabled" },
        { key: CLASS_OF, operator: "Equals", value: "" },
        { key: ACCOUNT_OF, operator: "AnyIn", value: accounts },
      ],
    },
    mutate: { patchStrategicMerge: { spec: { runtimeClassName: CLASS } } },
  };
  const check = {
    name: "check",
    match: podsOn(["CREATE", "UPDATE"]),
    preconditions: {
      any: [
        { key: CLASS_OF, operator: "Equals", value: CLASS },
        { key: KEYS_OF, operator: "AnyIn", value: KEYS },
      ],
    },
    validate: {
      failureAction: "Enforce",
      message: MESSAGE,
      deny: { conditions: { all: [{ key: ACCOUNT_OF, operator: "AnyNotIn", value: accounts }] } },
    },
  };
  return [classic(NAMES.inject, inject), classic(NAMES.check, check)];
}

function podsOn(operations: string[]): Json {
  return { any: [{ resources: { kinds: ["Pod"], operations } }] };
}

function classic(name: string, rule: Json): Policy {
  return {
    kind: { group: "kyverno.io", version: "v1", resource: "clusterpolicies" },
    body: {
      apiVersion: "kyverno.io/v1",
      kind: "ClusterPolicy",
      metadata: { name, annotations: { "pod-policies.kyverno.io/autogen-controllers": "none" } },
      spec: { background: false, webhookConfiguration: { failurePolicy: "Fail" }, rules: [rule] },
    },
  };
}
