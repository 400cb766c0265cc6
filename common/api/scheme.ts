import * as z from "zod";

/** Metadata that zod carries into the JSON schema as it stands; the API server reads the `x-kubernetes-` keys. */
export interface Rule {
  /** CEL over `self`. */
  rule: string;
  /** What a person reads when the rule does not hold. */
  message: string;
}

/** The `meta` of cross-field rules: they run inside the API server, so also while every webhook is down. */
export function rules(...list: Rule[]): Record<string, unknown> {
  return { "x-kubernetes-validations": list };
}

/** A list without repeats. */
export function setOf<T extends z.ZodType>(item: T, max: number, description: string): z.ZodArray<T> {
  return z.array(item).max(max).meta({ description, "x-kubernetes-list-type": "set" });
}

/** A list of objects told apart by `keys`, as server-side apply merges them. */
export function listMapOf<T extends z.ZodType>(
  item: T,
  keys: string[],
  max: number,
  description: string,
): z.ZodArray<T> {
  return z
    .array(item)
    .max(max)
    .meta({ description, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": keys });
}

/** A list whose order and repeats are the writer's. */
export function atomicListOf<T extends z.ZodType>(item: T, max: number, description: string): z.ZodArray<T> {
  return z.array(item).max(max).meta({ description, "x-kubernetes-list-type": "atomic" });
}

/** RFC 1123 label: names of namespaces, containers and runtime handlers. */
export function dnsLabel(description: string): z.ZodString {
  return z
    .string()
    .min(1)
    .max(63)
    .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/)
    .meta({ description });
}

/** RFC 1123 subdomain: names of cluster objects and service accounts. */
export function dnsSubdomain(description: string): z.ZodString {
  return z
    .string()
    .min(1)
    .max(253)
    .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/)
    .meta({ description });
}

/** Free text of at most `max` characters. */
export function text(max: number, description: string): z.ZodString {
  return z.string().max(max).meta({ description });
}

/** A count from 0 to `max`. */
export function count(max: number, description: string): z.ZodInt {
  return z.int().min(0).max(max).meta({ description, format: "int32" });
}

/** An RFC 3339 instant; the API server checks the format. */
export function instant(description: string): z.ZodString {
  return z.string().max(64).meta({ description, format: "date-time" });
}
