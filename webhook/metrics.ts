import { collectDefaultMetrics, Counter, Gauge, Registry } from "prom-client";
import type { Decision, Webhook } from "./admission/admit.ts";

/** The webhook's metrics, in a registry of their own. */
export interface Metrics {
  count: (webhook: Webhook, operation: string, decision: Decision) => void;
  /** A call to the API server for the room of a grant with limits. */
  countRoomCall: (method: "GET" | "PATCH") => void;
  /** Whether both live configurations are as this replica wants them. */
  configurationCurrent(current: boolean): void;
  /** When the certificate in use ends. */
  certificateEnds(at: Date): void;
  /** The text that Prometheus reads, and its content type. */
  text(): Promise<string>;
  contentType: string;
}

/** Metrics that begin at zero. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const requests = new Counter({
    name: "schedgate_admission_requests_total",
    help: "Admission requests answered, by webhook, operation and decision.",
    labelNames: ["webhook", "operation", "decision"],
    registers: [registry],
  });
  const roomCalls = new Counter({
    name: "schedgate_room_api_calls_total",
    help: "Calls to the API server for the room of grants with limits, by method.",
    labelNames: ["method"],
    registers: [registry],
  });
  const configuration = new Gauge({
    name: "schedgate_webhook_configuration_current",
    help: "1 while both live webhook configurations are as they should be.",
    registers: [registry],
  });
  const certificate = new Gauge({
    name: "schedgate_certificate_not_after_seconds",
    help: "When the serving certificate in use ends, in seconds since 1970.",
    registers: [registry],
  });
  return {
    count: (webhook, operation, decision) => {
      requests.inc({ webhook, operation, decision });
    },
    countRoomCall: (method) => {
      roomCalls.inc({ method });
    },
    configurationCurrent: (current) => {
      configuration.set(current ? 1 : 0);
    },
    certificateEnds: (at) => {
      certificate.set(at.getTime() / 1000);
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
