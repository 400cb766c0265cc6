import { request as httpRequest } from "node:http";
import type { IncomingMessage, OutgoingHttpHeaders } from "node:http";
import { request as httpsRequest } from "node:https";
import type { RequestOptions } from "node:https";
import { createInterface } from "node:readline";
import { messageOf } from "../errors.ts";
import { KubeApiError, SILENT, TOO_LONG } from "./port.ts";
import type { KubeApi, KubeRequest, PatchType, WatchEvent, WatchRequest } from "./port.ts";

/** Where the API server is, and the TLS options and headers of the next call (tokens change). */
export interface Endpoint {
  /** `https://host:port`, with a path where the server is behind one, without a final slash. Plain http for tests. */
  server: string;
  options(): Promise<CallOptions>;
}

/** TLS options, and the headers that say who calls. */
export type CallOptions = Omit<RequestOptions, "headers"> & { headers?: OutgoingHttpHeaders };

const DEFAULT_TIMEOUT_MS = 10_000;

/** A list of 500 objects of the largest size that etcd takes would be 750 MB; nothing here comes near this. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

const CONTENT_TYPES: Record<PatchType, string> = {
  json: "application/json-patch+json",
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json",
  apply: "application/apply-patch+yaml",
};

/** The API server at an endpoint, over HTTP/1.1. */
export function kubeApiOver(endpoint: Endpoint): KubeApi {
  return {
    async request(call) {
      const timeoutMs = call.timeoutMs ?? DEFAULT_TIMEOUT_MS;
      const timeout = AbortSignal.timeout(timeoutMs);
      const signal = call.signal === undefined ? timeout : AbortSignal.any([timeout, call.signal]);
      try {
        const response = await open(endpoint, call, signal);
        return parse(call, await readAll(call, response));
      } catch (error) {
        throw failure(call, timeout.aborted ? new Error(`nothing came within ${timeoutMs} ms`) : error);
      }
    },
    watch: (call) => watch(endpoint, call),
  };
}

async function* watch(endpoint: Endpoint, request: WatchRequest): AsyncGenerator<WatchEvent> {
  const { idleMs, path, query, signal } = request;
  const call: KubeRequest = { method: "GET", path, query: { ...query, watch: true } };
  const silence = new AbortController();
  const listen = (): NodeJS.Timeout =>
    setTimeout(() => {
      silence.abort();
    }, idleMs);
  let timer = listen();
  let response: IncomingMessage | undefined;
  try {
    response = await open(endpoint, call, AbortSignal.any([silence.signal, signal]));
    for await (const line of createInterface({ input: response, crlfDelay: Infinity })) {
      clearTimeout(timer);
      if (line !== "") yield parse(call, line) as WatchEvent;
      timer = listen();
    }
    // readline ends quietly when its input breaks, so look here at what happened to it.
    if (response.errored !== null) throw response.errored;
  } catch (error) {
    if (!silence.signal.aborted) throw failure(call, error);
    const message = `nothing came for ${idleMs} ms`;
    throw new KubeApiError(call, { status: 0, reason: SILENT, message }, { cause: error });
  } finally {
    clearTimeout(timer);
    response?.destroy();
  }
}

/** Sends a call and resolves with the answer's head once the status says success. */
async function open(endpoint: Endpoint, call: KubeRequest, signal: AbortSignal): Promise<IncomingMessage> {
  const { headers, ...options } = await endpoint.options();
  const body = call.body === undefined ? undefined : Buffer.from(JSON.stringify(call.body));
  const send = endpoint.server.startsWith("https://") ? httpsRequest : httpRequest;
  const sent = send(url(endpoint.server, call), {
    ...options,
    method: call.method,
    signal,
    headers: {
      ...headers,
      ...contentHeaders(call, body),
      Accept: "application/json",
      "User-Agent": "schedgate",
    },
  });
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    sent.once("response", resolve);
    sent.on("error", reject);
    sent.end(body);
  });
  const status = response.statusCode ?? 0;
  if (status >= 200 && status < 300) return response;
  throw refusal(call, status, await readAll(call, response));
}

function url(server: string, call: KubeRequest): string {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(call.query ?? {})) {
    if (value !== undefined) query.set(key, String(value));
  }
  return `${server}${call.path}${query.size === 0 ? "" : `?${query.toString()}`}`;
}

function contentHeaders(call: KubeRequest, body: Buffer | undefined): Record<string, string | number> {
  if (body === undefined) return {};
  const type = call.method === "PATCH" ? CONTENT_TYPES[call.patch ?? "merge"] : "application/json";
  return { "Content-Type": type, "Content-Length": body.length };
}

async function readAll(call: KubeRequest, response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_ANSWER_BYTES) {
      const message = `the answer is longer than ${MAX_ANSWER_BYTES} bytes`;
      throw new KubeApiError(call, { status: 0, reason: TOO_LONG, message });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parse(call: KubeRequest, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`${call.path} answered something that is not JSON: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** The server's own Status where it sent one, else the beginning of what it said. */
function refusal(call: KubeRequest, status: number, body: string): KubeApiError {
  let answer: { reason?: unknown; message?: unknown } = {};
  try {
    answer = JSON.parse(body) as typeof answer;
  } catch {
    // Not from the API server itself (a proxy, a load balancer): its text is the message.
  }
  return new KubeApiError(call, {
    status,
    reason: typeof answer.reason === "string" ? answer.reason : "",
    message: typeof answer.message === "string" ? answer.message : body.slice(0, 300),
  });
}

function failure(call: KubeRequest, error: unknown): KubeApiError {
  if (error instanceof KubeApiError) return error;
  return new KubeApiError(call, { status: 0, reason: "", message: messageOf(error) }, { cause: error });
}
