import { GRANT_ANNOTATION, GROUP } from "../../common/api/names.ts";
import type { Pod } from "../../common/api/pod.ts";

/*
 * A pod that gets its class from the mutating webhook would be sent there a second time, for nothing: the API server's own
 * RuntimeClass admission changes it in between. So the webhook leaves a mark, which the filter of the API server reads. It
 * stands in the pod's status, which the API server empties before it validates and stores a new pod (docs/adr/0014).
 */

const DONE = `${GROUP}/done`;

/** Says that nothing is left to do on a pod that will name its grant, as long as nobody adds an annotation or a container. */
export function markOf({ annotations, containers }: Pick<Pod, "annotations" | "containers">): string {
  const keys = new Set([...Object.keys(annotations), GRANT_ANNOTATION]);
  return [DONE, keys.size, containers.length].join(" ");
}

/** CEL: whether a pod that is created has its mark. Forging it only keeps help away: all refusal is the validating webhook's. */
export const IS_MARKED = [
  'request.operation == "CREATE"',
  "has(object.status) && has(object.status.reason) && has(object.metadata.annotations)",
  `object.status.reason == "${DONE} " + string(size(object.metadata.annotations)) + " " + ` +
    "string(size(object.spec.containers) + (has(object.spec.initContainers) ? size(object.spec.initContainers) : 0))",
].join(" && ");
