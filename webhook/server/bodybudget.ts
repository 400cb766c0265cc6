import type { RequestHandler } from "express";

/**
 * Bounds what the bodies in flight hold together: a request over the budget gets 503 before its body is read. One that
 * does not say its length counts as the largest. The API server takes the 503 as a webhook that failed: no open door.
 */
export function bodyBudget(budget: number, largest: number): RequestHandler {
  let inFlight = 0;
  return (request, response, next) => {
    const length = Number(request.headers["content-length"] ?? largest);
    const size = length >= 0 && length <= largest ? length : largest;
    if (inFlight + size > budget) {
      response.status(503).set("Connection", "close").type("text/plain").send("too many requests at once\n");
      return;
    }
    inFlight += size;
    response.once("close", () => {
      inFlight -= size;
    });
    next();
  };
}
