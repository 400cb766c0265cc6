import { SchedgateError } from "../../common/errors.ts";
import type { AdmissionRequest } from "./review.ts";

/** The two webhooks, by their path. */
export type Webhook = "mutate" | "validate";

/** How a request is judged. */
export type Route = "create" | "update" | "bind" | "resize" | "debug" | "workload" | "class";

/** `group/version/Kind operation resource[/subresource]`; the core group is empty. */
const POD_WRITES: Record<string, Route> = {
  "/v1/Pod CREATE pods": "create",
  "/v1/Pod UPDATE pods": "update",
  "/v1/Pod UPDATE pods/status": "update",
  "/v1/Binding CREATE pods/binding": "bind",
  "/v1/Binding CREATE bindings": "bind",
};

const VALIDATED_ONLY: Record<string, Route> = {
  "/v1/Pod UPDATE pods/resize": "resize",
  "/v1/Pod UPDATE pods/ephemeralcontainers": "debug",
  ...bothOf("/v1/ReplicationController", "replicationcontrollers", "workload"),
  ...bothOf("apps/v1/Deployment", "deployments", "workload"),
  ...bothOf("apps/v1/ReplicaSet", "replicasets", "workload"),
  ...bothOf("apps/v1/StatefulSet", "statefulsets", "workload"),
  ...bothOf("apps/v1/DaemonSet", "daemonsets", "workload"),
  ...bothOf("batch/v1/Job", "jobs", "workload"),
  ...bothOf("batch/v1/CronJob", "cronjobs", "workload"),
  ...bothOf("node.k8s.io/v1/RuntimeClass", "runtimeclasses", "class"),
};

const ROUTES: Record<Webhook, ReadonlyMap<string, Route>> = {
  mutate: new Map(Object.entries(POD_WRITES)),
  validate: new Map(Object.entries({ ...POD_WRITES, ...VALIDATED_ONLY })),
};

function bothOf(kind: string, resource: string, route: Route): Record<string, Route> {
  return { [`${kind} CREATE ${resource}`]: route, [`${kind} UPDATE ${resource}`]: route };
}

/**
 * How a request is to be judged.
 * @throws SchedgateError E_UNEXPECTED for one that our rules do not name: it is not known how to judge it.
 */
export function routeOf(webhook: Webhook, request: AdmissionRequest): Route {
  const { kind, resource, subResource, operation, namespace } = request;
  const path = subResource ? `${resource.resource}/${subResource}` : resource.resource;
  const sameVersion = resource.group === kind.group && resource.version === kind.version;
  const route = ROUTES[webhook].get(`${kind.group}/${kind.version}/${kind.kind} ${operation} ${path}`);
  if (route !== undefined && sameVersion && (route === "class" || namespace)) return route;
  throw new SchedgateError(
    "E_UNEXPECTED",
    `schedgate does not judge ${operation} of ${path} (${kind.kind}): who named it in the rules?`,
  );
}
