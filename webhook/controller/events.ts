import { microTime } from "../../common/api/time.ts";
import type { Clock } from "../../common/clock.ts";
import { messageOf } from "../../common/errors.ts";
import { pathOf, resources } from "../../common/kube/paths.ts";
import { hasStatus } from "../../common/kube/port.ts";
import type { KubeApi } from "../../common/kube/port.ts";
import type { Logger } from "../../common/log.ts";
import * as z from "zod";
import { Allowance } from "./allowance.ts";

/** The object that an event is about. */
export interface Regarding {
  apiVersion: string;
  kind: string;
  /** undefined where it is cluster-scoped. */
  namespace: string | undefined;
  name: string;
  uid?: string | undefined;
}

export interface EventDraft {
  regarding: Regarding;
  /** Why, as one CamelCase word. */
  reason: string;
  /** What was done or tried. */
  action: string;
  note: string;
}

/** The API server's bound is 1024 bytes. */
const MAX_NOTE = 1000;
/** The same about the same object: told again, as a count, this often. */
const REPEAT_MS = 30_000;
/** The API server forgets events after an hour. */
const FORGET_MS = 3_000_000;
/** Remembered events; the oldest is forgotten first. */
const REMEMBERED = 500;
/** Events about objects that have no namespace live here: so the API server wants it. */
const DEFAULT_NAMESPACE = "default";

interface Told {
  path: Promise<string | undefined>;
  count: number;
  firstAt: number;
  sentAt: number;
}

export interface EventsOptions {
  api: KubeApi;
  clock: Clock;
  log: Logger;
  /** The pod's name. */
  instance: string;
  /** What became of an event. */
  count: (outcome: "sent" | "dropped" | "failed") => void;
}

/** Writes Warning events. What comes too often is counted or dropped, so a tenant can fill neither memory nor etcd. */
export class Events {
  readonly #options: EventsOptions;
  readonly #told = new Map<string, Told>();
  readonly #all = new Allowance({ burst: 50, perSecond: 2 });
  readonly #here = new Map<string, Allowance>();

  constructor(options: EventsOptions) {
    this.#options = options;
  }

  /** Writes an event, soon; never throws. */
  record(draft: EventDraft): void {
    const now = this.#options.clock.now();
    const { regarding, reason } = draft;
    const key = JSON.stringify([regarding.kind, regarding.namespace, regarding.name, regarding.uid, reason]);
    const told = this.#told.get(key);
    if (told !== undefined && now.getTime() - told.firstAt < FORGET_MS) {
      this.#again(key, told, now);
      return;
    }
    if (!this.#mayWrite(regarding.namespace ?? DEFAULT_NAMESPACE, now)) {
      this.#options.count("dropped");
      return;
    }
    const at = now.getTime();
    const path = this.#create(draft, now).catch((error: unknown) => {
      this.#told.delete(key);
      this.#failed(error);
      return undefined;
    });
    remember(this.#told, key, { path, count: 1, firstAt: at, sentAt: at });
  }

  #again(key: string, told: Told, now: Date): void {
    told.count += 1;
    if (now.getTime() - told.sentAt < REPEAT_MS) return;
    told.sentAt = now.getTime();
    const series = { count: told.count, lastObservedTime: microTime(now) };
    void told.path
      .then(
        (path) =>
          path !== undefined && this.#options.api.request({ method: "PATCH", path, body: { series } }),
      )
      .catch((error: unknown) => {
        this.#told.delete(key);
        if (!hasStatus(error, 404)) this.#failed(error);
      });
  }

  /** The path of the new event. */
  async #create({ regarding, reason, action, note }: EventDraft, now: Date): Promise<string> {
    const { api, count, instance } = this.#options;
    const namespace = regarding.namespace ?? DEFAULT_NAMESPACE;
    const body = {
      metadata: { generateName: "schedgate-", namespace },
      eventTime: microTime(now),
      type: "Warning",
      reportingController: "schedgate.dev/webhook",
      reportingInstance: instance.slice(0, 128),
      ...{ regarding, reason, action, note: shortened(note) },
    };
    const answer = await api.request({ method: "POST", path: pathOf(resources.events, { namespace }), body });
    const { name } = created.parse(answer).metadata;
    count("sent");
    return pathOf(resources.events, { namespace, name });
  }

  #failed(error: unknown): void {
    this.#options.count("failed");
    this.#options.log.warn({ error: messageOf(error) }, "could not write an event");
  }

  /** No namespace may use up what is there for all. */
  #mayWrite(namespace: string, now: Date): boolean {
    const here = this.#here.get(namespace) ?? new Allowance({ burst: 10, perSecond: 0.1 });
    remember(this.#here, namespace, here);
    return here.take(now) && this.#all.take(now);
  }
}

const created = z.looseObject({ metadata: z.looseObject({ name: z.string() }) });

function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > REMEMBERED && oldest !== undefined) map.delete(oldest);
}

function shortened(note: string): string {
  const bytes = Buffer.from(note);
  return bytes.length <= MAX_NOTE ? note : `${bytes.subarray(0, MAX_NOTE).toString("utf8")} …`;
}
