import { Counter, Gauge, Registry, collectDefaultMetrics } from "prom-client";
import type { Guard } from "./guard.ts";
import type { Told } from "./events.ts";
import type { HookWatch } from "./hook-watch.ts";
import { isolatedCpus, provenOwners } from "./snapshot.ts";

/** The daemon's metrics in Prometheus' text format. */
export interface AgentMetrics {
  contentType: string;
  text(): Promise<string>;
  /** An event about a pod was written. */
  countEvent: (reason: Told["reason"]) => void;
  /** A launcher's request was done, or is left to the companion. */
  countRequest: (command: string, isDone: boolean) => void;
}

const REASONS: readonly Told["reason"][] = ["Isolated", "IsolationFailed", "IsolationRefused"];

/** Gauges that are read from the guard's last pass when they are asked for. */
export function agentMetrics(guard: Guard, hooks: Pick<HookWatch, "observed">): AgentMetrics {
  const registry = new Registry();
  // The event loop's delay is looked at once a second: prom-client's own 10 ms would be most of an idle agent's work.
  collectDefaultMetrics({
    register: registry,
    prefix: "schedgate_agent_",
    eventLoopMonitoringPrecision: 1000,
  });
  const gauge = (name: string, help: string, value: () => number): void => {
    const made = new Gauge({
      name,
      help,
      registers: [registry],
      collect: () => {
        made.set(value());
      },
    });
  };
  gauge("schedgate_isolated_cpus", "CPUs that are shown to be out of load balancing", () => {
    const snapshot = guard.latest();
    return snapshot === undefined ? 0 : isolatedCpus(snapshot).length;
  });
  gauge("schedgate_isolation_owners", "Live containers that hold isolated CPUs", () => {
    const snapshot = guard.latest();
    return snapshot === undefined ? 0 : provenOwners(snapshot).length;
  });
  gauge("schedgate_isolation_unproven", "Live containers whose CPUs are not shown to be isolated", () => {
    return guard.latest()?.proof.missing.length ?? 0;
  });
  gauge("schedgate_isolation_failures", "Live containers that were started although isolation failed", () => {
    return guard.latest()?.owners.filter(({ failure }) => failure !== undefined).length ?? 0;
  });
  gauge("schedgate_isolation_problems", "What needs a person, as in the Degraded condition", () => {
    return guard.latest()?.problems.length ?? 0;
  });
  gauge(
    "schedgate_isolation_refusals",
    "Live containers that ask, have no right, and run without isolation",
    () => {
      return guard.latest()?.owners.filter(({ refusal }) => refusal !== undefined).length ?? 0;
    },
  );
  gauge(
    "schedgate_isolation_unjudged",
    "Live containers that are isolated, and whose right the API has not shown",
    () => {
      return (
        guard.latest()?.owners.filter(({ cpus, right }) => cpus !== "" && right === undefined).length ?? 0
      );
    },
  );
  gauge(
    "schedgate_unprotected_hooks",
    "Hook files of the node that pods can trigger and no HookProfile protects",
    () => {
      return hooks.observed()?.length ?? 0;
    },
  );
  const events = new Counter({
    name: "schedgate_isolation_events_total",
    help: "Events about pods that were written",
    labelNames: ["reason"],
    registers: [registry],
  });
  const requests = new Counter({
    name: "schedgate_launcher_requests_total",
    help: "Requests of launchers that the agent has done, or left to the companion on the host",
    labelNames: ["command", "outcome"],
    registers: [registry],
  });
  // Else the first of each would be a series that begins at 1, and no increase to Prometheus.
  for (const reason of REASONS) events.inc({ reason }, 0);
  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    countEvent: (reason) => {
      events.inc({ reason });
    },
    countRequest: (command, isDone) => {
      requests.inc({ command, outcome: isDone ? "done" : "left" });
    },
  };
}
