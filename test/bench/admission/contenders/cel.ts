import { ASK } from "../../../apiserver/objects.ts";
import { CLASS } from "../workloads.ts";

// The rules of the profile in the manifests, in CEL, as a person would write them for the in-tree rival and for Kyverno.

const PREFIXES = ["cpu-isolation.schedgate.dev/", "cpu-load-balancing.crio.io/"];
const KEYS = [ASK, "cpu-load-balancing.crio.io"];
const key = [...KEYS.map((each) => `k == "${each}"`), ...PREFIXES.map((each) => `k.startsWith("${each}")`)];

/** Whether a pod carries anything protected. */
export const USES =
  `(has(object.spec.runtimeClassName) && object.spec.runtimeClassName == "${CLASS}") || ` +
  `(has(object.metadata.annotations) && object.metadata.annotations.exists(k, ${key.join(" || ")}))`;

/** Whether it asks and names no class. */
export const ASKS =
  `!has(object.spec.runtimeClassName) && has(object.metadata.annotations) && ` +
  `"${ASK}" in object.metadata.annotations && object.metadata.annotations["${ASK}"] == "enabled"`;

/** The pod's namespace and service account, as the lists of grants name it. */
export const ACCOUNT =
  'request.namespace + "/" + (has(object.spec.serviceAccountName) ? object.spec.serviceAccountName : "default")';
