import * as z from "zod";
import type { Clock } from "../clock.ts";
import { messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import { hasStatus, KubeApiError, SILENT, TOO_LONG } from "./port.ts";
import type { KubeApi, WatchEvent } from "./port.ts";

export interface ReflectorOptions<T> {
  api: KubeApi;
  clock: Clock;
  log: Logger;
  /** Path of the list, see `pathOf`. */
  path: string;
  /** `fieldSelector` or `labelSelector`. */
  query?: Readonly<Record<string, string>>;
  /** Reads one object, undefined for one that is not kept; what it throws makes the object unreadable, not absent. */
  parse: (object: unknown) => T | undefined;
  /** Called after each change of the cache. */
  onChange?: () => void;
  /** A watch silent this long is given up, and all is listed anew, milliseconds. The API server sends a bookmark about each minute. */
  idleMs?: number;
  /** A full list this often, milliseconds, against whatever a watch may have missed. */
  relistMs?: number;
  /** Objects in one answer of a list; 500 when not said. Halved where an answer would be too long. */
  page?: number;
  /** From 0 to 1, for back-off; default Math.random. */
  random?: () => number;
}

/** A cache of one list of the API server, kept by list and watch. */
export interface Reflector<T> {
  /** Listed once, and heard from within twice the idle limit: what is not here is not there. */
  readonly synced: boolean;
  /** When the API server was last heard of; undefined before the first list. */
  readonly heardAt: Date | undefined;
  /** Objects by name (`namespace/name` where namespaced). */
  items(): ReadonlyMap<string, T>;
  /** Objects that `parse` refused, with its message. */
  unreadable(): ReadonlyMap<string, string>;
  /** Lists and watches until the signal aborts; never throws. */
  run(signal: AbortSignal): Promise<void>;
}

const IDLE_MS = 90_000;
const RELIST_MS = 600_000;
const FIRST_BACKOFF_MS = 200;
const LAST_BACKOFF_MS = 10_000;
const PAGE = 500;

const meta = z.looseObject({
  metadata: z.looseObject({
    name: z.string().optional(),
    namespace: z.string().optional(),
    resourceVersion: z.string(),
  }),
});
const page = z.object({
  metadata: z.object({ resourceVersion: z.string(), continue: z.string().optional() }),
  items: z.array(z.unknown()).nullish(),
});
const problem = z.object({
  code: z.number().catch(0),
  reason: z.string().catch(""),
  message: z.string().catch(""),
});

/** A reflector; nothing happens until `run`. */
export function reflector<T>(options: ReflectorOptions<T>): Reflector<T> {
  return new ListWatch(options);
}

class ListWatch<T> implements Reflector<T> {
  readonly #options: ReflectorOptions<T>;
  readonly #idleMs: number;
  #items = new Map<string, T>();
  #unreadable = new Map<string, string>();
  #heardAt: number | undefined;
  #heardTimes = 0;
  /** Where to watch on from; undefined: list first. */
  #resourceVersion: string | undefined;
  #relistAt = 0;
  #page: number;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#idleMs = options.idleMs ?? IDLE_MS;
    this.#page = options.page ?? PAGE;
  }

  get synced(): boolean {
    return this.#heardAt !== undefined && this.#now() - this.#heardAt <= 2 * this.#idleMs;
  }

  get heardAt(): Date | undefined {
    return this.#heardAt === undefined ? undefined : new Date(this.#heardAt);
  }

  items(): ReadonlyMap<string, T> {
    return this.#items;
  }

  unreadable(): ReadonlyMap<string, string> {
    return this.#unreadable;
  }

  async run(signal: AbortSignal): Promise<void> {
    for (let backoff = FIRST_BACKOFF_MS; !signal.aborted;) {
      const heard = this.#heardTimes;
      const failed = await this.#turn(signal);
      const progress = this.#heardTimes !== heard;
      if (progress) backoff = FIRST_BACKOFF_MS;
      // A server that ends each watch at once must not be asked again at once.
      // Not all at the same moment where many lost the same server.
      const jitter = 0.5 + (this.#options.random ?? Math.random)() / 2;
      if (failed || !progress) await this.#options.clock.sleep(backoff * jitter, signal);
      if (!progress) backoff = Math.min(backoff * 2, LAST_BACKOFF_MS);
    }
  }

  /** One list where it is due, then one watch to its end. True where it failed. */
  async #turn(signal: AbortSignal): Promise<boolean> {
    try {
      if (this.#resourceVersion === undefined || this.#now() >= this.#relistAt) await this.#list(signal);
      await this.#watch(signal);
      return false;
    } catch (error) {
      const { log, path } = this.#options;
      if (losesPosition(error)) this.#resourceVersion = undefined;
      if (error instanceof KubeApiError && error.reason === TOO_LONG) this.#page = Math.ceil(this.#page / 2);
      if (!signal.aborted) {
        const level = hasStatus(error, 410) ? "info" : "warn";
        log[level]({ path, error: messageOf(error) }, "list and watch interrupted");
      }
      return true;
    }
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { api, path, query } = this.#options;
    const items = new Map<string, T>();
    const unreadable = new Map<string, string>();
    let at: z.infer<typeof page> | undefined;
    do {
      const answer = await api.request({
        method: "GET",
        path,
        query: { ...query, limit: this.#page, continue: at?.metadata.continue },
        signal,
      });
      at = page.parse(answer);
      for (const object of at.items ?? []) this.#put(object, items, unreadable);
    } while (at.metadata.continue !== undefined && at.metadata.continue !== "");
    this.#items = items;
    this.#unreadable = unreadable;
    this.#resourceVersion = at.metadata.resourceVersion;
    this.#relistAt = this.#now() + (this.#options.relistMs ?? RELIST_MS);
    this.#heard(true);
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { api, path } = this.#options;
    const seconds = Math.max(1, Math.ceil((this.#relistAt - this.#now()) / 1000));
    const query = {
      ...this.#options.query,
      allowWatchBookmarks: true,
      resourceVersion: this.#resourceVersion,
      timeoutSeconds: seconds,
    };
    for await (const event of api.watch({ path, query, idleMs: this.#idleMs, signal })) this.#apply(event);
  }

  #apply(event: WatchEvent): void {
    if (event.type === "ERROR") {
      const { code, reason, message } = problem.parse(event.object);
      throw new KubeApiError(
        { method: "WATCH", path: this.#options.path },
        { status: code, reason, message },
      );
    }
    const { metadata } = meta.parse(event.object);
    this.#resourceVersion = metadata.resourceVersion;
    this.#heard(event.type !== "BOOKMARK" && this.#change(event, keyOf(metadata)));
  }

  /** Whether the cache changed: it does not by what it does not keep. */
  #change(event: WatchEvent, key: string): boolean {
    if (event.type !== "DELETED") return this.#put(event.object, this.#items, this.#unreadable);
    const [had, hadUnreadable] = [this.#items.delete(key), this.#unreadable.delete(key)];
    return had || hadUnreadable;
  }

  /** Whether anything is now kept that was not, or the other way round, or is another. */
  #put(object: unknown, items: Map<string, T>, unreadable: Map<string, string>): boolean {
    const key = keyOf(meta.parse(object).metadata);
    // Nobody here reads it, and it is more than half of what a small object takes.
    delete (object as { metadata: { managedFields?: unknown } }).metadata.managedFields;
    try {
      const read = this.#options.parse(object);
      const wasUnreadable = unreadable.delete(key);
      if (read === undefined) return items.delete(key) || wasUnreadable;
      items.set(key, read);
      return true;
    } catch (error) {
      items.delete(key);
      unreadable.set(key, messageOf(error));
      this.#options.log.error(
        { path: this.#options.path, key, error: messageOf(error) },
        "unreadable object",
      );
      return true;
    }
  }

  #heard(changed: boolean): void {
    this.#heardAt = this.#now();
    this.#heardTimes += 1;
    if (changed) this.#options.onChange?.();
  }

  #now(): number {
    return this.#options.clock.now().getTime();
  }
}

function keyOf(metadata: { name?: string | undefined; namespace?: string | undefined }): string {
  const name = metadata.name ?? "";
  return metadata.namespace === undefined ? name : `${metadata.namespace}/${name}`;
}

/**
 * 410: the version is older than what the server keeps; any 4xx: do not trust our position either. Silence: only an
 * answer shows that the server is there, and that nothing was missed.
 */
function losesPosition(error: unknown): boolean {
  if (!(error instanceof KubeApiError)) return false;
  return error.reason === SILENT || (error.status >= 400 && error.status < 500);
}
