import type { Container, Pod, ResourceList, Resources } from "../../common/api/pod.ts";
import { parseQuantity, wholeUnits } from "../../common/quantity.ts";

/**
 * Whether the pod's quality of service class is Guaranteed: by the server's word, which the kubelet goes by, or, where there
 * is none yet, as ComputePodQOS in kubernetes/kubernetes
 * (pkg/apis/core/v1/helper/qos/qos.go) says: every container, or the pod as a whole where it gives resources itself,
 * has limits for CPU and memory, and its requests are equal to them. A request that is not given is its limit, as the
 * API server fills it in.
 */
export function isGuaranteed(pod: Pod): boolean {
  if (pod.qosClass !== undefined) return pod.qosClass === "Guaranteed";
  const judged = pod.resources === undefined ? pod.containers : [pod.resources];
  return judged.length > 0 && judged.every((each) => isFixed(each, "cpu") && isFixed(each, "memory"));
}

function isFixed({ requests, limits }: Resources, resource: string): boolean {
  const limit = amount(limits, resource) ?? 0n;
  return limit > 0n && (amount(requests, resource) ?? limit) === limit;
}

/**
 * The whole CPUs that the kubelet's static policy gives to each container of a pod alone, 0 where none: the pod is
 * Guaranteed and the CPUs are whole (policy_static.go, guaranteedCPUs). Without a gate that is off by default, that
 * policy passes over pods that give resources for the pod as a whole; `spec.resources` without any gives none.
 */
export function exclusiveCpus(pod: Pod): (container: Container) => number {
  if (givesAny(pod.resources) || !isGuaranteed(pod)) return () => 0;
  return ({ limits }) => wholeUnits(amount(limits, "cpu") ?? 0n) ?? 0;
}

function givesAny(resources: Resources | undefined): boolean {
  return Object.keys({ ...resources?.requests, ...resources?.limits }).length > 0;
}

function amount(list: ResourceList, resource: string): bigint | undefined {
  const written = list[resource];
  return written === undefined ? undefined : parseQuantity(written);
}
