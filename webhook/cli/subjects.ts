import * as z from "zod";
import { readPod } from "../../common/api/pod.ts";
import { messageOf } from "../../common/errors.ts";
import type { ResourceName } from "../../common/kube/paths.ts";
import { podTemplateSchema } from "../admission/podtemplate.ts";
import { unusable } from "./documents.ts";
import type { Document, KubeObject } from "./documents.ts";

/** A pod to judge: itself, or what a workload would make. */
export interface Subject {
  place: string;
  /** Of the object that was read: `Deployment trading/engine`. */
  kind: string;
  name: string;
  namespace: string;
  /** As it would be sent to the API server. */
  pod: object;
}

interface Kind {
  apiVersion: string;
  kind: string;
  resource: ResourceName;
  /** As people name it on a command line. */
  names: readonly string[];
}

function kind(group: string, name: string, short: string): Kind {
  const resource = { group, version: "v1", resource: `${name.toLowerCase()}s` };
  const names = [name.toLowerCase(), resource.resource, short];
  return { apiVersion: group === "" ? "v1" : `${group}/v1`, kind: name, resource, names };
}

/** The kinds that are pods or make pods. */
export const KINDS: readonly Kind[] = [
  kind("", "Pod", "po"),
  kind("", "ReplicationController", "rc"),
  kind("apps", "Deployment", "deploy"),
  kind("apps", "StatefulSet", "sts"),
  kind("apps", "DaemonSet", "ds"),
  kind("apps", "ReplicaSet", "rs"),
  kind("batch", "Job", "job"),
  kind("batch", "CronJob", "cj"),
];

/**
 * The pod to judge in a document, undefined where the object makes none.
 * @throws SchedgateError E_INPUT where it cannot be read.
 */
export function subjectOf({ place, object }: Document, defaultNamespace: string): Subject | undefined {
  const known = KINDS.some((each) => each.kind === object.kind && each.apiVersion === object.apiVersion);
  if (!known) return undefined;
  const namespace = object.metadata?.namespace ?? defaultNamespace;
  const name = object.metadata?.name ?? "";
  try {
    const pod = object.kind === "Pod" ? object : podOf(object, name);
    readPod(pod, namespace);
    return { place, kind: object.kind, name, namespace, pod };
  } catch (error) {
    throw unusable(place, `${object.kind} ${namespace}/${name}: ${whyUnread(error)}`, error);
  }
}

function podOf(object: KubeObject, name: string): object {
  const { metadata, ...rest } = podTemplateSchema.parse(object["spec"]);
  return { ...rest, apiVersion: "v1", kind: "Pod", metadata: { ...metadata, generateName: `${name}-` } };
}

function whyUnread(error: unknown): string {
  return error instanceof z.ZodError ? "its pod template cannot be found" : messageOf(error);
}
