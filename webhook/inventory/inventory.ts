import * as z from "zod";
import type { Clock } from "../../common/clock.ts";
import { hookGrantSchema } from "../../common/api/hookgrant.ts";
import type { HookGrant } from "../../common/api/hookgrant.ts";
import { hookProfileSchema } from "../../common/api/hookprofile.ts";
import type { HookProfile } from "../../common/api/hookprofile.ts";
import { SchedgateError } from "../../common/errors.ts";
import { pathOf, resources } from "../../common/kube/paths.ts";
import type { KubeApi } from "../../common/kube/port.ts";
import { reflector } from "../../common/kube/reflector.ts";
import type { Reflector } from "../../common/kube/reflector.ts";
import type { Logger } from "../../common/log.ts";
import { byNamespace } from "../policy/bynamespace.ts";
import { byAge, readProfile } from "../policy/profile.ts";
import type { Profile } from "../policy/profile.ts";
import { resolveHandler, runtimeClassSchema } from "./classes.ts";
import type { RuntimeClass } from "./classes.ts";
import { livePod } from "./livepod.ts";

export interface InventoryOptions {
  api: KubeApi;
  clock: Clock;
  log: Logger;
  /** See `ReflectorOptions`: a cache is in step for twice as long. */
  idleMs?: number;
  /** Called after each change of anything below, with what changed. */
  onChange: (what: "profiles" | "grants" | "classes") => void;
}

interface HeldProfile {
  object: HookProfile;
  profile: Profile;
}

/** What the cluster says about profiles, grants and classes, kept by list and watch. */
export class Inventory {
  readonly #api: KubeApi;
  readonly #profiles: Reflector<HeldProfile>;
  readonly #grants: Reflector<HookGrant>;
  readonly #classes: Reflector<RuntimeClass>;
  /** Made anew after a change of a grant, so that a pod costs the same whatever the number of grants. */
  #grantsByNamespace: Map<string, HookGrant[]> | undefined;
  /** Oldest first; made anew after a change of a profile. */
  #held: { objects: readonly HookProfile[]; profiles: readonly Profile[] } | undefined;

  constructor({ onChange, ...rest }: InventoryOptions) {
    this.#api = rest.api;
    this.#profiles = reflector({
      ...rest,
      path: pathOf(resources.hookProfiles),
      parse: holdProfile,
      onChange: () => {
        this.#held = undefined;
        onChange("profiles");
      },
    });
    this.#grants = reflector({
      ...rest,
      path: pathOf(resources.hookGrants),
      parse: (object) => hookGrantSchema.parse(object),
      onChange: () => {
        this.#grantsByNamespace = undefined;
        onChange("grants");
      },
    });
    this.#classes = reflector({
      ...rest,
      path: pathOf(resources.runtimeClasses),
      parse: (object) => runtimeClassSchema.parse(object),
      onChange: () => {
        onChange("classes");
      },
    });
  }

  /** Until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#profiles, this.#grants, this.#classes].map((each) => each.run(signal)));
  }

  /** The caches, by what they hold: for their age, and whether they are in step. */
  get caches(): Record<string, Pick<Reflector<unknown>, "heardAt" | "synced">> {
    return { hookprofiles: this.#profiles, hookgrants: this.#grants, runtimeclasses: this.#classes };
  }

  /** Why nothing can be judged now, or undefined. A profile that can't be read might protect anything. */
  whyNotSynced(): string | undefined {
    const missing = Object.entries(this.caches).filter(([, each]) => !each.synced);
    if (missing.length > 0)
      return `not in step with the API server: ${missing.map(([name]) => name).join(", ")}`;
    const [unreadable] = this.#profiles.unreadable();
    return unreadable && `HookProfile ${unreadable[0]} cannot be read: ${unreadable[1]}`;
  }

  /** Profiles, oldest first, and the grants that name a namespace. @throws SchedgateError E_NOT_SYNCED where they are not known. */
  rulesFor(namespace: string): { profiles: readonly Profile[]; grants: readonly HookGrant[] } {
    const profiles = this.#knownProfiles();
    this.#grantsByNamespace ??= byNamespace(this.#grants.items().values());
    return { profiles, grants: this.#grantsByNamespace.get(namespace) ?? [] };
  }

  /** Profiles, oldest first, and all grants. @throws SchedgateError E_NOT_SYNCED where they are not known. */
  rules(): { profiles: readonly Profile[]; grants: HookGrant[] } {
    return { profiles: this.#knownProfiles(), grants: this.grants() };
  }

  #knownProfiles(): readonly Profile[] {
    const why = this.whyNotSynced();
    if (why !== undefined) throw new SchedgateError("E_NOT_SYNCED", why);
    return this.#heldProfiles().profiles;
  }

  /** The HookProfile objects, oldest first. */
  profiles(): readonly HookProfile[] {
    return this.#heldProfiles().objects;
  }

  /** The same, asked of the API server now. @throws where one cannot be read: it might protect anything. */
  async freshProfiles(): Promise<HookProfile[]> {
    const answer = await this.#api.request({ method: "GET", path: pathOf(resources.hookProfiles) });
    const { items } = listSchema.parse(answer);
    return items.map((each) => holdProfile(each).object).sort(byAge);
  }

  /** The HookGrant objects. */
  grants(): HookGrant[] {
    return [...this.#grants.items().values()];
  }

  /** The HookGrant of this name. */
  grant(name: string): HookGrant | undefined {
    return this.#grants.items().get(name);
  }

  /** The HookProfile of this name, ready to judge by. */
  profile(name: string): Profile | undefined {
    return this.#profiles.items().get(name)?.profile;
  }

  /** The RuntimeClass objects, by name. */
  classes(): ReadonlyMap<string, RuntimeClass> {
    return this.#classes.items();
  }

  /** See `resolveHandler`. */
  handlerOf(runtimeClassName: string): Promise<string | undefined> {
    const guarding = this.#knownProfiles().filter((each) => each.handlers.size > 0);
    const resolver = {
      api: this.#api,
      cached: (name: string) => this.#classes.items().get(name),
      isProtectedByAll: (handler: string) =>
        guarding.length > 0 && guarding.every((each) => each.handlers.has(handler)),
    };
    return resolveHandler(resolver, runtimeClassName);
  }

  /** A pod as it is now, undefined where there is none. @throws KubeApiError where the API server does not say. */
  livePod(namespace: string, name: string): Promise<unknown> {
    return livePod(this.#api, namespace, name);
  }

  #heldProfiles(): { objects: readonly HookProfile[]; profiles: readonly Profile[] } {
    if (this.#held === undefined) {
      const held = [...this.#profiles.items().values()].sort((a, b) => byAge(a.object, b.object));
      this.#held = { objects: held.map((each) => each.object), profiles: held.map((each) => each.profile) };
    }
    return this.#held;
  }
}

const listSchema = z.object({ items: z.array(z.unknown()) });

function holdProfile(raw: unknown): HeldProfile {
  const object = hookProfileSchema.parse(raw);
  return { object, profile: readProfile(object) };
}
