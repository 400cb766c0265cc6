import { pathOf } from "../../../../common/kube/paths.ts";
import { create, remove } from "../../../apiserver/cluster.ts";
import type { Json } from "../../../apiserver/cluster.ts";
import { must } from "../../../apiserver/cluster.ts";
import { ASK } from "../../../apiserver/objects.ts";
import { kindsServed } from "../../../lab/product/kinds.ts";
import { CLASS } from "../workloads.ts";
import type { Bench, Contender } from "./contender.ts";
import { ACCOUNT, ASKS, USES } from "./cel.ts";
import { awaitGuard, put } from "./probe.ts";

const registration = { group: "admissionregistration.k8s.io", version: "v1" };
const NAME = "bench-rival";
const PARAMETERS = { group: "bench.schedgate.dev", version: "v1", resource: "grantlists" };

/** The four objects, in the order in which they are made. */
const KINDS = [
  "validatingadmissionpolicies",
  "mutatingadmissionpolicies",
  "validatingadmissionpolicybindings",
  "mutatingadmissionpolicybindings",
].map((resource) => ({ ...registration, resource }));

/**
 * The rival inside the API server: both kinds of admission policy, with the grants in one object of a kind of its own.
 * One object, because of several parameters all have to pass. It goes by the class's name, for CEL can't look up handlers.
 */
export async function vapMap({ cluster, namespaces }: Bench): Promise<Contender> {
  await must(cluster.lab, ["apply", "-f", "-"], JSON.stringify(definition()));
  await kindsServed(cluster.lab);
  const subjects = namespaces.map((namespace) => `${namespace}/default`);
  await put(cluster, PARAMETERS, {
    apiVersion: "bench.schedgate.dev/v1",
    kind: "GrantList",
    metadata: { name: NAME },
    spec: { subjects },
  });
  const bodies = [validating(), mutating(), binding({ validationActions: ["Deny"] }), binding({})];
  const removeAll = async (): Promise<void> => {
    for (const kind of KINDS.toReversed()) await remove(cluster.api, kind, { name: NAME });
    await awaitGuard(cluster, false);
  };
  return {
    name: "vap+map",
    install: async () => {
      for (const [n, kind] of KINDS.entries()) await create(cluster.api, kind, bodies[n] ?? {});
      await awaitGuard(cluster, true);
    },
    remove: removeAll,
    pid: () => undefined,
    stop: () =>
      cluster.api
        .request({ method: "DELETE", path: pathOf(PARAMETERS, { name: NAME }) })
        .then(() => undefined),
  };
}

const GRANTED = "grantList.spec.subjects.exists(s, s == account)";

function policy(spec: Json): Json {
  const resourceRules = (operations: string[]): Json[] => [
    { apiGroups: [""], apiVersions: ["v1"], operations, resources: ["pods"] },
  ];
  const update = spec["mutations"] === undefined ? ["UPDATE"] : [];
  return {
    metadata: { name: NAME },
    spec: {
      failurePolicy: "Fail",
      paramKind: { apiVersion: "bench.schedgate.dev/v1", kind: "GrantList" },
      matchConstraints: { resourceRules: resourceRules(["CREATE", ...update]) },
      ...spec,
    },
  };
}

function validating(): Json {
  return policy({
    matchConditions: [{ name: "uses", expression: USES }],
    validations: [
      { expression: granted(), message: `only a grant allows RuntimeClass ${CLASS} and annotation ${ASK}` },
    ],
  });
}

function mutating(): Json {
  const patch = `[JSONPatch{op: "add", path: "/spec/runtimeClassName", value: "${CLASS}"}]`;
  return policy({
    reinvocationPolicy: "IfNeeded",
    matchConditions: [{ name: "asks", expression: ASKS }],
    mutations: [{ patchType: "JSONPatch", jsonPatch: { expression: `${granted()} ? ${patch} : []` } }],
  });
}

function granted(): string {
  return GRANTED.replace("grantList", "params").replace("account", ACCOUNT);
}

function binding(spec: Json): Json {
  return {
    metadata: { name: NAME },
    spec: { policyName: NAME, paramRef: { name: NAME, parameterNotFoundAction: "Deny" }, ...spec },
  };
}

function definition(): Json {
  const strings = { type: "array", maxItems: 10_000, items: { type: "string", maxLength: 130 } };
  const spec = { type: "object", properties: { subjects: strings } };
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: "grantlists.bench.schedgate.dev" },
    spec: {
      group: "bench.schedgate.dev",
      scope: "Cluster",
      names: { plural: "grantlists", singular: "grantlist", kind: "GrantList" },
      versions: [
        {
          name: "v1",
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: "object", properties: { spec } } },
        },
      ],
    },
  };
}
