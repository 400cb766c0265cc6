import type { HookProfile } from "../../common/api/hookprofile.ts";
import { IS_MARKED } from "../admission/mark.ts";
import type { Webhook } from "../admission/routes.ts";
import {
  bindingConditions,
  classConditions,
  matchConditions,
  standingConditions,
  workloadConditions,
} from "./matchconditions.ts";
import type { MatchCondition } from "./matchconditions.ts";

/** Requests that the API server sends here, and what it does where nobody answers. */
export interface Call {
  /** Before the webhook's name. */
  prefix: string;
  rules: object[];
  conditions: MatchCondition[];
  /** Ignore only where the answer could not be a refusal: what is only advised, or protected by no profile that enforces. */
  failurePolicy: "Fail" | "Ignore";
}

/** Every write path that can put something protected on a pod, and what is only advised. See admission/routes.ts. */
export function callsOf(webhook: Webhook, profiles: readonly HookProfile[], ownNamespace: string): Call[] {
  const enforced = judgedBy(webhook, profiles.filter(enforces), ownNamespace);
  const open = profiles.filter((each) => !enforces(each));
  const lenient = open.length === 0 ? [] : judgedBy(webhook, open, ownNamespace);
  // The API server never begins in a second round: a mutating call that another webhook's work calls for must have been there.
  if (webhook === "mutate") return [...enforced, ...lenient.map((each) => failingOpen(each))].map(unmarked);
  const others = lenient.map((each, i) => failingOpen(each, enforced[i]?.conditions));
  return [...enforced, ...others, ...advised(profiles)];
}

function enforces({ spec }: HookProfile): boolean {
  return spec.enforcement === "Enforce";
}

/** The write paths on which a pod may be refused by these profiles. */
function judgedBy(webhook: Webhook, profiles: readonly HookProfile[], ownNamespace: string): Call[] {
  const writes: Call[] = [
    {
      prefix: "",
      // Annotations can be written by way of the status too: that write resets the spec, not the metadata.
      rules: [scope("", ["pods", "pods/status"])],
      conditions: matchConditions(profiles, ownNamespace),
      failurePolicy: "Fail",
    },
    {
      prefix: "bindings.",
      // The API server merges a Binding's annotations into the pod, and sends nobody that write of the pod.
      rules: [scope("", ["bindings", "pods/binding"], ["CREATE"])],
      conditions: bindingConditions(profiles),
      failurePolicy: "Fail",
    },
  ];
  if (webhook === "mutate") return writes;
  const resize: Call = {
    prefix: "resize.",
    rules: [scope("", ["pods/resize"], ["UPDATE"])],
    conditions: standingConditions(profiles),
    failurePolicy: "Fail",
  };
  return [...writes, resize];
}

/** The call for profiles that do not enforce; without what is sent already, by these conditions. */
function failingOpen(call: Call, sent: readonly MatchCondition[] = []): Call {
  const others = sent.map(({ expression }) => ({
    name: "schedgate.dev/not-enforced",
    expression: `!(${expression})`,
  }));
  const conditions = [...call.conditions, ...others];
  return { ...call, prefix: `lenient.${call.prefix}`, conditions, failurePolicy: "Ignore" };
}

/** The same without new pods on which the mutating webhook has done its work already. */
function unmarked(call: Call): Call {
  const conditions = call.conditions.map(({ name, expression }) => ({
    name,
    expression: `(${expression}) && !(${IS_MARKED})`,
  }));
  return { ...call, conditions };
}

/** What is never refused. */
function advised(profiles: readonly HookProfile[]): Call[] {
  return [
    {
      prefix: "debug.",
      rules: [scope("", ["pods/ephemeralcontainers"], ["UPDATE"])],
      conditions: standingConditions(profiles),
      failurePolicy: "Ignore",
    },
    {
      prefix: "workloads.",
      rules: [
        scope("", ["replicationcontrollers"]),
        scope("apps", ["daemonsets", "deployments", "replicasets", "statefulsets"]),
        scope("batch", ["jobs"]),
      ],
      conditions: workloadConditions(profiles, "spec.template"),
      failurePolicy: "Ignore",
    },
    {
      prefix: "cronjobs.",
      rules: [scope("batch", ["cronjobs"])],
      conditions: workloadConditions(profiles, "spec.jobTemplate.spec.template"),
      failurePolicy: "Ignore",
    },
    {
      prefix: "classes.",
      rules: [{ ...scope("node.k8s.io", ["runtimeclasses"]), scope: "Cluster" }],
      conditions: classConditions(profiles),
      failurePolicy: "Ignore",
    },
  ];
}

function scope(group: string, resources: string[], operations = ["CREATE", "UPDATE"]): object {
  return { apiGroups: [group], apiVersions: ["v1"], operations, resources, scope: "Namespaced" };
}
