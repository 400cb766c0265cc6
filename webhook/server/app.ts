import express from "express";
import type { ErrorRequestHandler, Express, Request, Response } from "express";
import { messageOf } from "../../common/errors.ts";
import type { Logger } from "../../common/log.ts";
import { admit } from "../admission/admit.ts";
import type { AdmissionDeps, Webhook } from "../admission/admit.ts";
import { readReview } from "../admission/review.ts";
import { readBody } from "./body.ts";

/** Two objects of the largest size that the API takes (3 MiB, on update the old and the new one), and the rest of a review. */
const MAX_BODY = 7 * 1024 * 1024;

/** Bytes of all bodies in flight; a parsed body takes a multiple of its length. */
const BODY_BUDGET = 5 * MAX_BODY;

/** The HTTP application of both webhooks. `bodyMs`: a body that takes longer is cut off. */
export function createApp(deps: AdmissionDeps, budget = BODY_BUDGET, bodyMs?: number): Express {
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  const body = readBody({ largest: MAX_BODY, budget, bodyMs });
  for (const webhook of ["mutate", "validate"] as const)
    app.post(`/${webhook}`, body, handler(webhook, deps));
  app.use((_, response: Response) => {
    response.status(404).type("text/plain").send("POST /mutate or /validate\n");
  });
  app.use(errorHandler(deps.log));
  return app;
}

function handler(webhook: Webhook, deps: AdmissionDeps) {
  return async (request: Request, response: Response): Promise<void> => {
    const review = await admit(webhook, readReview(request.body as Buffer), deps);
    const text = JSON.stringify(review);
    // What response.json does beside this (types, entity tags, freshness) is for browsers.
    const headers = { "Content-Type": "application/json", "Content-Length": Buffer.byteLength(text) };
    response.writeHead(200, headers).end(text);
  };
}

/** Answers that cannot be an AdmissionReview, because there was no request to answer: the API server takes them as failed. */
function errorHandler(log: Logger): ErrorRequestHandler {
  return (error: unknown, request: Request, response: Response, _next) => {
    const status = statusOf(error);
    log.warn({ path: request.path, status, error: messageOf(error) }, "bad request");
    response
      .status(status)
      .type("text/plain")
      .send(`${messageOf(error)}\n`);
  };
}

/** The errors of reading a body carry their status. E_REVIEW is the caller's fault as well. */
function statusOf(error: unknown): number {
  if (typeof error !== "object" || error === null) return 500;
  if ("status" in error && typeof error.status === "number") return error.status;
  return "code" in error && error.code === "E_REVIEW" ? 400 : 500;
}
