import type { RequestHandler } from "express";

/** A body of the largest size takes far less on any network between an API server and its webhook. */
const BODY_MS = 4_000;

/**
 * Bounds what the bodies in flight hold together: a request over the budget gets 503 before its body is read. One that
 * does not say its length counts as the largest. The API server asks again after a second, for as long as it waits for
 * a webhook at all; then it takes the 503 as a webhook that failed: no open door. Who sends slower than an API server
 * ever waits gives its room back: its connection is cut.
 */
export function bodyBudget(budget: number, largest: number, bodyMs = BODY_MS): RequestHandler {
  let inFlight = 0;
  return (request, response, next) => {
    const length = Number(request.headers["content-length"] ?? largest);
    const size = length >= 0 && length <= largest ? length : largest;
    if (inFlight + size > budget) {
      response
        .status(503)
        .set({ Connection: "close", "Retry-After": "1" })
        .type("text/plain")
        .send("too many requests at once\n");
      return;
    }
    inFlight += size;
    const slow = setTimeout(() => {
      request.destroy();
    }, bodyMs);
    request.once("end", () => {
      clearTimeout(slow);
    });
    response.once("close", () => {
      clearTimeout(slow);
      inFlight -= size;
    });
    next();
  };
}
