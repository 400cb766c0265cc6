import * as z from "zod";
import { clip, SchedgateError } from "../errors.ts";
import {
  check,
  checkFields,
  checkOptional,
  isListOf,
  isMapOf,
  isOptional,
  isShapeOf,
  isString,
} from "../guards.ts";
import type { Guard } from "../guards.ts";

/** A pod has at most 3 MiB, and real ones a few containers: more are taken for an attack on the webhook. */
const MAX_CONTAINERS = 10_000;

/** The API server's own bound for all annotations of an object (apimachinery, TotalAnnotationSizeLimitB), characters here. */
const MAX_ANNOTATIONS = 256 * 1024;

interface RawResources {
  requests?: ResourceList | null;
  limits?: ResourceList | null;
}

interface RawContainer {
  name: string;
  resources?: RawResources | null;
  restartPolicy?: string | null;
}

interface RawContainerStatus {
  name: string;
  allocatedResources?: ResourceList | null;
}

const isAmount: Guard = (value) => isString(value) || Number.isFinite(value);
const isResources = isShapeOf({
  requests: isOptional(isMapOf(isAmount)),
  limits: isOptional(isMapOf(isAmount)),
});
const isContainer = isShapeOf({
  name: isString,
  resources: isOptional(isResources),
  restartPolicy: isOptional(isString),
});
const isContainerStatus = isShapeOf({ name: isString, allocatedResources: isOptional(isMapOf(isAmount)) });
const isListOfContainers =
  (is: Guard): Guard =>
  (value) =>
    Array.isArray(value) && value.length <= MAX_CONTAINERS && isListOf(is)(value);
const isAnnotations: Guard = (value) =>
  isMapOf(isString)(value) && sizeOf(value as object) <= MAX_ANNOTATIONS;

// Checks, not a schema, which would take more of each admission than all judging.
const text = check(isOptional(isString), "not a string");
const containers = check(
  isListOfContainers(isContainer),
  `not a list of at most ${MAX_CONTAINERS} containers`,
);
const statuses = check(
  isOptional(isListOfContainers(isContainerStatus)),
  `not a list of at most ${MAX_CONTAINERS} statuses of containers`,
);
const ANNOTATIONS = "not a map of strings, at most 256 KiB";

/** The annotations of an object, as the API server bounds them. */
export const annotations = z.custom<Record<string, string>>(isAnnotations, ANNOTATIONS);

const podCheck = checkFields({
  metadata: checkFields({
    uid: text,
    name: text,
    generateName: text,
    annotations: check(isOptional(isAnnotations), ANNOTATIONS),
  }),
  spec: checkFields({
    serviceAccountName: text,
    nodeName: text,
    runtimeClassName: text,
    resources: check(isOptional(isResources), "not resources"),
    containers,
    initContainers: checkOptional(containers),
  }),
  status: checkOptional(
    checkFields({ qosClass: text, containerStatuses: statuses, initContainerStatuses: statuses }),
  ),
});

/** What `podCheck` has seen. */
interface RawPod {
  metadata: {
    uid?: string | null;
    name?: string | null;
    generateName?: string | null;
    annotations?: Record<string, string> | null;
  };
  spec: {
    serviceAccountName?: string | null;
    nodeName?: string | null;
    runtimeClassName?: string | null;
    resources?: RawResources | null;
    containers: RawContainer[];
    initContainers?: RawContainer[] | null;
  };
  status?: RawStatus | null;
}

interface RawStatus {
  qosClass?: string | null;
  containerStatuses?: RawContainerStatus[] | null;
  initContainerStatuses?: RawContainerStatus[] | null;
}

/** Amounts by resource name, as written. */
export type ResourceList = Readonly<Record<string, string | number>>;

export interface Resources {
  requests: ResourceList;
  limits: ResourceList;
}

export interface Container extends Resources {
  name: string;
  /** Runs before, or beside as a sidecar, the pod's own containers. */
  init: boolean;
  /** An init container that goes on beside the others: a sidecar. */
  sidecar: boolean;
  /** What its node has set aside for it: behind `limits` while a resize is under way. */
  allocatedCpu: string | number | undefined;
}

/** What the policy reads of a pod. */
export interface Pod {
  /** undefined before the server has made it. */
  uid: string | undefined;
  namespace: string;
  /** For people: the name, or `generateName` and a star where the server has not made the name yet. */
  name: string;
  serviceAccount: string;
  annotations: Readonly<Record<string, string>>;
  runtimeClassName: string | undefined;
  /** The node that it is bound to. */
  nodeName: string | undefined;
  /** Own containers and init containers, in the order of the pod. */
  containers: readonly Container[];
  /** Resources of the pod as a whole, where it gives them (`spec.resources`). */
  resources: Resources | undefined;
  /** Its quality of service class; undefined before the server has said which, which it does before it validates a new pod. */
  qosClass: string | undefined;
}

/**
 * Reads a pod as the API server sends it. The namespace is the request's: the object's own may still be empty.
 * An empty runtimeClassName is none, and an empty serviceAccountName is `default`, as for the API server.
 * @throws SchedgateError E_POD where it is not a pod.
 */
export function readPod(raw: unknown, namespace: string): Pod {
  const fault = podCheck(raw);
  if (fault !== undefined) throw new SchedgateError("E_POD", `not a pod: ${clip(fault)}`);
  const { metadata, spec, status } = raw as RawPod;
  const allocated = allocatedCpus(status);
  const generated = metadata.generateName ? `${metadata.generateName}*` : "";
  return {
    uid: given(metadata.uid),
    namespace,
    name: metadata.name ? metadata.name : generated,
    serviceAccount: spec.serviceAccountName ? spec.serviceAccountName : "default",
    annotations: metadata.annotations ?? {},
    runtimeClassName: given(spec.runtimeClassName),
    nodeName: given(spec.nodeName),
    containers: [
      ...spec.containers.map((each) => readContainer(each, false, allocated)),
      ...(spec.initContainers ?? []).map((each) => readContainer(each, true, allocated)),
    ],
    resources: spec.resources ? readResources(spec.resources) : undefined,
    qosClass: given(status?.qosClass),
  };
}

/** An empty text is none. */
function given(text: string | null | undefined): string | undefined {
  return text ? text : undefined;
}

/** The CPUs that the node has set aside, by the container's name. */
function allocatedCpus(status: RawStatus | null | undefined): Map<string, string | number | undefined> {
  const all = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])];
  return new Map(all.map((each) => [each.name, each.allocatedResources?.["cpu"]]));
}

function readContainer(
  raw: RawContainer,
  init: boolean,
  allocated: ReadonlyMap<string, string | number | undefined>,
): Container {
  const sidecar = init && raw.restartPolicy === "Always";
  return {
    name: raw.name,
    init,
    sidecar,
    allocatedCpu: allocated.get(raw.name),
    ...readResources(raw.resources),
  };
}

function readResources(raw: RawResources | null | undefined): Resources {
  return { requests: raw?.requests ?? {}, limits: raw?.limits ?? {} };
}

function sizeOf(map: object): number {
  return Object.entries(map as Record<string, string>).reduce(
    (sum, [key, value]) => sum + key.length + value.length,
    0,
  );
}
