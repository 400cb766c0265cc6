import type { IncomingMessage, ServerResponse } from "node:http";
import { HttpFault } from "./fault.ts";
import { Shares } from "./shares.ts";

/** A body of the largest size takes far less on any network between an API server and its webhook. */
const BODY_MS = 4_000;

export interface BodyOptions {
  /** Bytes of one body. */
  largest: number;
  /** Bytes of all bodies in flight, and of those from one address. */
  budget: { all: number; each: number };
  /** A body that takes longer is cut off; 4 s when not said, milliseconds. */
  bodyMs?: number | undefined;
}

export type ReadBody = (request: IncomingMessage, response: ServerResponse) => Promise<Buffer>;

/**
 * Reads JSON bodies, unparsed. What it throws is a HttpFault. A request over the budget gets 503 before its body is read,
 * one that does not say its length counts as the largest. The API server asks again after a second, for as long as it
 * waits for a webhook at all; then it takes the 503 as a webhook that failed: no open door. Who sends slower than an
 * API server ever waits gives its room back: its connection is cut.
 */
export function bodyReader({ largest, budget, bodyMs = BODY_MS }: BodyOptions): ReadBody {
  const inFlight = new Shares(budget);
  return (request, response) =>
    new Promise((resolve, reject) => {
      const fault = faultOf(request, largest);
      if (fault !== undefined) throw fault;
      const size = Number(request.headers["content-length"] ?? largest);
      const { remoteAddress = "" } = request.socket;
      if (!inFlight.take(remoteAddress, size)) throw busy();
      const slow = setTimeout(() => {
        reject(new HttpFault(408, `the body took longer than ${bodyMs} ms`));
        request.destroy();
      }, bodyMs);
      const chunks: Buffer[] = [];
      let length = 0;
      request.on("data", (chunk: Buffer) => {
        length += chunk.length;
        if (length <= largest) chunks.push(chunk);
        else reject(tooLarge(largest));
      });
      request.once("end", () => {
        clearTimeout(slow);
        resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks));
      });
      response.once("close", () => {
        clearTimeout(slow);
        inFlight.giveBack(remoteAddress, size);
      });
    });
}

/** What is wrong by the headers alone. An API server compresses nothing that it sends to a webhook. */
function faultOf({ headers }: IncomingMessage, largest: number): HttpFault | undefined {
  if (!/^application\/json *(;|$)/i.test(headers["content-type"] ?? ""))
    return new HttpFault(415, "the body must be application/json");
  if (headers["content-encoding"] !== undefined) return new HttpFault(415, "the body must not be encoded");
  return Number(headers["content-length"] ?? 0) > largest ? tooLarge(largest) : undefined;
}

function tooLarge(largest: number): HttpFault {
  return new HttpFault(413, `the body has more than ${largest} bytes`);
}

function busy(): HttpFault {
  return new HttpFault(503, "too many requests at once", { Connection: "close", "Retry-After": "1" });
}
