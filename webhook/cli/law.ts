import * as z from "zod";
import { hookGrantSchema } from "../../common/api/hookgrant.ts";
import type { HookGrant } from "../../common/api/hookgrant.ts";
import { hookProfileSchema } from "../../common/api/hookprofile.ts";
import type { HookProfile } from "../../common/api/hookprofile.ts";
import { API_VERSION } from "../../common/api/names.ts";
import { messageOf } from "../../common/errors.ts";
import { pathOf, resources } from "../../common/kube/paths.ts";
import type { KubeApi } from "../../common/kube/port.ts";
import { resolveHandler, runtimeClassSchema } from "../inventory/classes.ts";
import type { Classes } from "../admission/change.ts";
import { byAge, readProfile } from "../policy/profile.ts";
import type { Profile } from "../policy/profile.ts";
import { BUILT_IN } from "../policy/builtin.ts";
import { unusable } from "./documents.ts";
import type { Document } from "./documents.ts";
import type { Law } from "./judge.ts";
import { listAll } from "./list.ts";

/** The law, and for people where it comes from. */
export interface SourcedLaw extends Law {
  source: { from: "files" | "cluster"; profiles: string[]; grants: string[]; builtIn: boolean };
}

/** The law of a cluster, as its webhook reads it. */
export async function clusterLaw(api: KubeApi): Promise<SourcedLaw> {
  const [profiles, grants] = await Promise.all(
    [resources.hookProfiles, resources.hookGrants].map((each) => listAll(api, pathOf(each))),
  );
  return {
    ...sourced("cluster", {
      profiles: (profiles ?? []).map((object) => parsed({ place: "the cluster", object }, hookProfileSchema)),
      grants: (grants ?? []).map((object) => parsed({ place: "the cluster", object }, hookGrantSchema)),
    }),
    classes: liveClasses(api),
  };
}

/** Asks for each class once a run: many pods name the same. */
function liveClasses(api: KubeApi): Classes {
  const resolver = { api, cached: () => undefined, isProtectedByAll: () => false };
  const asked = new Map<string, Promise<string | undefined>>();
  return {
    handlerOf(name) {
      const handler = asked.get(name) ?? resolveHandler(resolver, name);
      asked.set(name, handler);
      return handler;
    },
  };
}

/** What files say, by the option that named them. */
export interface Files {
  grants: readonly Document[];
  /** undefined: the profile and the class that every installation brings. */
  profiles: readonly Document[] | undefined;
  /** RuntimeClasses may stand in any file; of the others only these count here. */
  others: readonly Document[];
}

/** The law that files say. @throws SchedgateError E_INPUT for what cannot be read. */
export function fileLaw({ grants, profiles, others }: Files): SourcedLaw {
  const classes = new Map<string, string>();
  if (profiles === undefined) classes.set(BUILT_IN.runtimeClass.metadata.name, BUILT_IN.runtimeClass.handler);
  const all = [...grants, ...(profiles ?? []), ...others];
  for (const document of all.filter((each) => isOf(each, "node.k8s.io/v1", "RuntimeClass"))) {
    const { metadata, handler } = parsed(document, runtimeClassSchema);
    classes.set(metadata.name, handler);
  }
  const law = sourced("files", {
    profiles:
      profiles === undefined
        ? [BUILT_IN.profile]
        : read(profiles, "HookProfile", hookProfileSchema, readProfile),
    grants: read(grants, "HookGrant", hookGrantSchema),
  });
  law.source.builtIn = profiles === undefined;
  return { ...law, classes: { handlerOf: (name) => Promise.resolve(classes.get(name)) } };
}

function sourced(
  from: "files" | "cluster",
  { profiles, grants }: { profiles: HookProfile[]; grants: HookGrant[] },
): Omit<SourcedLaw, "classes"> {
  const ready: Profile[] = [...profiles].sort(byAge).map(readProfile);
  const names = grants.map((each) => each.metadata.name).sort();
  return {
    rules: { profiles: ready, grants },
    source: { from, profiles: ready.map((each) => each.name), grants: names, builtIn: false },
  };
}

/** The objects of one kind. Files that were named for them and hold none are a mistake. */
function read<T>(
  documents: readonly Document[],
  kind: string,
  schema: z.ZodType<T>,
  alsoTry: (object: T) => unknown = () => undefined,
): T[] {
  const ours = documents.filter((each) => isOf(each, API_VERSION, kind));
  const [first] = documents;
  if (first !== undefined && ours.length === 0)
    throw unusable(first.place, `no ${kind} of ${API_VERSION} in these files`);
  return ours.map((document) => {
    const object = parsed(document, schema);
    try {
      alsoTry(object);
    } catch (error) {
      throw unusable(document.place, messageOf(error), error);
    }
    return object;
  });
}

function isOf({ object }: Document, apiVersion: string, kind: string): boolean {
  return object.apiVersion === apiVersion && object.kind === kind;
}

function parsed<T>({ place, object }: Document, schema: z.ZodType<T>): T {
  const result = schema.safeParse(object);
  if (result.success) return result.data;
  const problem = z.prettifyError(result.error).replaceAll("\n", " ").replaceAll("✖ ", "");
  throw unusable(place, `${object.kind} ${object.metadata?.name ?? ""}: ${problem}`, result.error);
}
