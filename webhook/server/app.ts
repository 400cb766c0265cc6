import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { codeOf, messageOf } from "../../common/errors.ts";
import { admit } from "../admission/admit.ts";
import type { AdmissionDeps, Webhook } from "../admission/admit.ts";
import { readReview } from "../admission/review.ts";
import { bodyReader } from "./body.ts";
import { isTooDense } from "./density.ts";
import { HttpFault } from "./fault.ts";

/** Two objects of the largest size that the API takes (3 MiB, on update the old and the new one), and the rest of a review. */
const MAX_BODY = 7 * 1024 * 1024;

/** Bytes of all bodies in flight, and from one address; a parsed body takes a multiple of its length. */
const BODY_BUDGET = { all: 5 * MAX_BODY, each: 3 * MAX_BODY };

const WEBHOOKS: ReadonlyMap<string, Webhook> = new Map([
  ["/mutate", "mutate"],
  ["/validate", "validate"],
]);

export interface AppDeps extends AdmissionDeps {
  /** A request that was answered without a review. */
  countBadRequest: (status: number) => void;
}

/**
 * The HTTP application of both webhooks. `bodyMs`: a body that takes longer is cut off. Not by express, which serves what is
 * asked seldom (health.ts): here its routing and what it does for browsers would be an eighth of an admission's CPU.
 */
export function createApp(deps: AppDeps, budget = BODY_BUDGET, bodyMs?: number): RequestListener {
  const readBody = bodyReader({ largest: MAX_BODY, budget, bodyMs });
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const webhook = webhookOf(request);
    if (webhook === undefined) throw new HttpFault(404, "POST /mutate or /validate");
    const body = await readBody(request, response);
    if (isTooDense(body)) throw new HttpFault(413, "the body has too many values");
    const text = JSON.stringify(await admit(webhook, readReview(body), deps));
    const headers = { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(text) };
    response.writeHead(200, headers).end(text);
  };
  return (request, response) => {
    answer(request, response).catch((error: unknown) => {
      const { status, headers, message } = faultOf(error);
      deps.countBadRequest(status);
      deps.log.warn({ path: request.url, status, error: message }, "bad request");
      response.writeHead(status, { "Content-Type": "text/plain; charset=utf-8", ...headers });
      response.end(`${message}\n`);
    });
  };
}

/** The API server adds its time limit to the path, as a query. */
function webhookOf({ method, url = "" }: IncomingMessage): Webhook | undefined {
  return method === "POST" ? WEBHOOKS.get(url.split("?", 1)[0] ?? "") : undefined;
}

function faultOf(error: unknown): HttpFault {
  if (error instanceof HttpFault) return error;
  return new HttpFault(codeOf(error) === "E_REVIEW" ? 400 : 500, messageOf(error));
}
