import { collectDefaultMetrics, Counter, Gauge, Registry } from "prom-client";
import type { Decision, Webhook } from "./admission/admit.ts";

/** The webhook's metrics, in a registry of their own. */
export interface Metrics {
  count: (webhook: Webhook, operation: string, decision: Decision) => void;
  /** Whether both live configurations are as this replica wants them. */
  configurationCurrent(current: boolean): void;
  /** Somebody had changed a live configuration, and it was put right. */
  configurationRepaired(): void;
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
  const configuration = new Gauge({
    name: "schedgate_webhook_configuration_current",
    help: "1 while both live webhook configurations are as they should be.",
    registers: [registry],
  });
  const repairs = new Counter({
    name: "schedgate_webhook_configuration_repairs_total",
    help: "Times that a live webhook configuration was changed by somebody else, and put right.",
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
    configurationCurrent: (current) => {
      configuration.set(current ? 1 : 0);
    },
    configurationRepaired: () => {
      repairs.inc();
    },
    certificateEnds: (at) => {
      certificate.set(at.getTime() / 1000);
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}
