import { readPod } from "../../common/api/pod.ts";
import type { Pod } from "../../common/api/pod.ts";
import { SchedgateError } from "../../common/errors.ts";
import type { Change } from "../policy/decide.ts";
import type { AdmissionRequest } from "./review.ts";

/** What admission asks of the cluster, beside the request itself. */
export interface Classes {
  /** The handler of a RuntimeClass, undefined where there is no such class. @throws where that can't be known. */
  handlerOf(runtimeClassName: string): Promise<string | undefined>;
}

/** The pods subresources whose requests hold a pod, before and after: these are judged as an update. */
const POD_SUBRESOURCES = ["status"];

/**
 * The change that a request wants to make to a pod, with its class resolved.
 * @throws SchedgateError E_UNEXPECTED for a request that our rules do not name: it is not known how to judge it.
 */
export async function readChange(request: AdmissionRequest, classes: Classes): Promise<Change> {
  const { resource, operation, namespace } = request;
  const subresource = request.subResource ? request.subResource : undefined;
  const isPod = resource.group === "" && resource.version === "v1" && resource.resource === "pods";
  const known = operation === "CREATE" ? subresource === undefined : isJudgedUpdate(operation, subresource);
  if (!isPod || !known || !namespace) {
    const what = [resource.resource, subresource].filter(Boolean).join("/");
    throw new SchedgateError(
      "E_UNEXPECTED",
      `schedgate does not judge ${operation} of ${what}: who named it in the rules?`,
    );
  }
  const after = readPod(request.object, namespace);
  const before = operation === "UPDATE" ? readPod(request.oldObject, namespace) : undefined;
  return { before, after, handler: await handlerOfPod(after, before, classes) };
}

function isJudgedUpdate(operation: string, subresource: string | undefined): boolean {
  return operation === "UPDATE" && (subresource === undefined || POD_SUBRESOURCES.includes(subresource));
}

/** Looked up only where the class is new: a pod keeps its class for life. */
async function handlerOfPod(
  after: Pod,
  before: Pod | undefined,
  classes: Classes,
): Promise<string | undefined> {
  const name = after.runtimeClassName;
  if (name === undefined || (before !== undefined && before.runtimeClassName === name)) return undefined;
  const handler = await classes.handlerOf(name);
  if (handler !== undefined) return handler;
  throw new SchedgateError(
    "E_CLASS",
    `RuntimeClass ${name} does not exist, so it is not known whether it is protected`,
  );
}
