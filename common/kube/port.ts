import { SchedgateError } from "../errors.ts";

/** How the body of a PATCH is read by the API server. */
export type PatchType = "json" | "merge" | "strategic" | "apply";

/** One call to the API server. */
export interface KubeRequest {
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Absolute path, built by `paths.ts`: `/api/v1/nodes/a`. */
  path: string;
  query?: Readonly<Record<string, string | number | boolean | undefined>>;
  /** Sent as JSON. */
  body?: unknown;
  /** The form of `body` in a PATCH; `merge` when not said. */
  patch?: PatchType;
  /** Whole call, milliseconds; 10 s when not said. */
  timeoutMs?: number;
  signal?: AbortSignal;
}

/** One line of a watch. `object` is a Status where type is ERROR, and holds only a resourceVersion where BOOKMARK. */
export interface WatchEvent {
  type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  object: unknown;
}

/** A watch: GET with `watch=true`. */
export interface WatchRequest {
  path: string;
  query?: KubeRequest["query"];
  /** Ends with an error where the server is silent this long, milliseconds. */
  idleMs: number;
  signal: AbortSignal;
}

/** The API server, as every program here uses it. */
export interface KubeApi {
  /** The decoded answer. @throws KubeApiError where the server says no or cannot be reached. */
  request(request: KubeRequest): Promise<unknown>;
  /** The events of a watch until the server ends it. @throws KubeApiError as `request`, also for silence. */
  watch(request: WatchRequest): AsyncIterable<WatchEvent>;
}

/** The `reason` of an answer that was longer than anybody here takes. */
export const TOO_LONG = "TooLong";

/** The `reason` of a watch that was silent for too long: its connection may be dead without anybody having said so. */
export const SILENT = "Silent";

/** A call that failed. `status` is the HTTP status, 0 where there was no answer; `reason` is the server's word for it. */
export class KubeApiError extends SchedgateError {
  readonly status: number;
  readonly reason: string;

  constructor(
    call: { method: string; path: string },
    answer: { status: number; reason: string; message: string },
    options?: ErrorOptions,
  ) {
    const outcome = answer.status === 0 ? "no answer" : `${answer.status} ${answer.reason}`.trim();
    super("E_KUBE_API", `${call.method} ${call.path}: ${outcome}: ${shortened(answer.message)}`, options);
    this.status = answer.status;
    this.reason = answer.reason;
  }
}

/** The API server repeats in its message what it refuses, whole; the reason stands at the end. */
function shortened(message: string): string {
  return message.length <= 2000 ? message : `${message.slice(0, 1000)} … ${message.slice(-1000)}`;
}

/** Whether an error is the API server's answer with this HTTP status. */
export function hasStatus(error: unknown, status: number): boolean {
  return error instanceof KubeApiError && error.status === status;
}
