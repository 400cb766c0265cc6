import type { OutgoingHttpHeaders } from "node:http";

/** A request that gets no AdmissionReview: the API server takes such an answer as a webhook that failed. */
export class HttpFault extends Error {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;

  constructor(status: number, message: string, headers: OutgoingHttpHeaders = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}
