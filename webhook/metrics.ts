import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import type { Answered, Decision, Webhook } from "./admission/admit.ts";
import type { Reservation } from "./limits/limits.ts";

/** What is asked for at each scrape. */
interface Observed {
  /** When each cache last heard of the API server; undefined for one that is not followed now. */
  caches: Readonly<Record<string, { heardAt: Date | undefined }>>;
  leads: () => boolean;
  now: () => Date;
}

/** The webhook's metrics, in a registry of their own. */
export interface Metrics {
  count: (webhook: Webhook, operation: string, decision: Decision, more: Answered) => void;
  /** A call to the API server for the room of a grant with limits. */
  countRoomCall: (method: "GET" | "PATCH") => void;
  /** What became of a pod's room in a grant with limits. */
  countReservation: (outcome: Reservation) => void;
  /** An HTTP request that was answered without a review. */
  countBadRequest: (status: number) => void;
  /** Whether both live configurations are as this replica wants them. */
  configurationCurrent(current: boolean): void;
  /** A live configuration was not as it had been, and was put right. */
  configurationRepaired(): void;
  /** Whether the backstop's parameters say what the profiles, classes and grants do; undefined: there are none, or it does not lead. */
  backstopCurrent(current: boolean | undefined): void;
  /** When the certificate in use ends. */
  certificateEnds(at: Date): void;
  /** What the last audit found, for each of these profiles. */
  unauthorized(profiles: readonly string[], found: ReadonlyMap<string, { count: number }>): void;
  event: (outcome: "sent" | "dropped" | "failed") => void;
  /** From now on these are looked at for each scrape. */
  observe(observed: Observed): void;
  /** The text that Prometheus reads, and its content type. */
  text(): Promise<string>;
  contentType: string;
}

/** Seconds; the API server waits 5. */
const BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** Metrics that begin at zero. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  // Among them the delay of the event loop: nodejs_eventloop_lag_p99_seconds. prom-client would look every 10 ms, which is
  // nearly all that an idle webhook does.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 100 });
  const admission = admissionMetrics(registry);
  const state = stateMetrics(registry);
  return {
    ...state,
    count: (webhook, operation, decision, { seconds, outcomes }) => {
      admission.requests.inc({ webhook, operation, decision });
      admission.duration.observe({ webhook }, seconds);
      for (const each of outcomes) admission.findings.inc({ ...each });
    },
    countRoomCall: (method) => {
      admission.roomCalls.inc({ method });
    },
    countReservation: (outcome) => {
      admission.reservations.inc({ outcome });
    },
    countBadRequest: (status) => {
      admission.badRequests.inc({ status: String(status) });
    },
    observe: (observed) => {
      observeAtScrape(registry, observed);
    },
    text: () => registry.metrics(),
    contentType: registry.contentType,
  };
}

function admissionMetrics(registry: Registry) {
  const registers = [registry];
  return {
    requests: new Counter({
      name: "schedgate_admission_requests_total",
      help: "Admission requests answered, by webhook, operation and decision.",
      labelNames: ["webhook", "operation", "decision"],
      registers,
    }),
    duration: new Histogram({
      name: "schedgate_admission_duration_seconds",
      help: "From a request, read, to its answer.",
      labelNames: ["webhook"],
      buckets: BUCKETS,
      registers,
    }),
    roomCalls: new Counter({
      name: "schedgate_room_api_calls_total",
      help: "Calls to the API server for the room of grants with limits, by method.",
      labelNames: ["method"],
      registers,
    }),
    reservations: new Counter({
      name: "schedgate_reservations_total",
      help: "Room of grants with limits: taken by a pod, full, unknown, released by a pod that was refused, expired.",
      labelNames: ["outcome"],
      registers,
    }),
    badRequests: new Counter({
      name: "schedgate_bad_requests_total",
      help: "HTTP requests that were answered without a review, by status.",
      labelNames: ["status"],
      registers,
    }),
    findings: new Counter({
      name: "schedgate_admission_findings_total",
      help: "What a HookProfile said to a request that uses it, by profile and reason.",
      labelNames: ["profile", "reason"],
      registers,
    }),
  };
}

function stateMetrics(
  registry: Registry,
): Pick<
  Metrics,
  | "backstopCurrent"
  | "configurationCurrent"
  | "configurationRepaired"
  | "certificateEnds"
  | "unauthorized"
  | "event"
> {
  const registers = [registry];
  const gauge = (name: string, help: string, labelNames: string[] = []): Gauge =>
    new Gauge({ name, help, labelNames, registers });
  const current = gauge(
    "schedgate_webhook_configuration_current",
    "1 while both live webhook configurations are as they should be.",
  );
  const backstop = gauge(
    "schedgate_backstop_current",
    "1 while the backstop's parameters are as they should be; told by the leader, where there is a backstop.",
  );
  backstop.remove();
  const repairs = new Counter({
    name: "schedgate_webhook_configuration_repairs_total",
    help: "Live webhook configurations that were changed by somebody else, and put right.",
    registers,
  });
  const certificate = gauge(
    "schedgate_certificate_expiration_timestamp_seconds",
    "When the serving certificate in use ends, in seconds since 1970.",
  );
  const unauthorized = gauge(
    "schedgate_unauthorized_pods",
    "Pods that use a HookProfile and that no HookGrant covers; told by the leader.",
    ["profile"],
  );
  const events = new Counter({
    name: "schedgate_events_total",
    help: "Kubernetes events, by what became of them.",
    labelNames: ["outcome"],
    registers,
  });
  return {
    configurationCurrent: (right) => {
      current.set(right ? 1 : 0);
    },
    backstopCurrent: (right) => {
      if (right === undefined) backstop.remove();
      else backstop.set(right ? 1 : 0);
    },
    configurationRepaired: () => {
      repairs.inc();
    },
    certificateEnds: (at) => {
      certificate.set(at.getTime() / 1000);
    },
    unauthorized: (profiles, found) => {
      unauthorized.reset();
      for (const profile of profiles) unauthorized.set({ profile }, found.get(profile)?.count ?? 0);
    },
    event: (outcome) => {
      events.inc({ outcome });
    },
  };
}

function observeAtScrape(registry: Registry, { caches, leads, now }: Observed): void {
  new Gauge({
    name: "schedgate_cache_age_seconds",
    help: "Since the API server was last heard of, by cache; a bookmark comes about each minute.",
    labelNames: ["cache"],
    registers: [registry],
    collect() {
      this.reset();
      for (const [cache, { heardAt }] of Object.entries(caches))
        if (heardAt !== undefined) this.set({ cache }, (now().getTime() - heardAt.getTime()) / 1000);
    },
  });
  new Gauge({
    name: "schedgate_leader",
    help: "1 on the replica that leads.",
    registers: [registry],
    collect() {
      this.set(leads() ? 1 : 0);
    },
  });
}
