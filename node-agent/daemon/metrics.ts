import { Gauge, Registry, collectDefaultMetrics } from "prom-client";
import type { Guard } from "./guard.ts";
import { isolatedCpus, provenOwners } from "./snapshot.ts";

/** The daemon's metrics in Prometheus' text format. */
export interface AgentMetrics {
  contentType: string;
  text(): Promise<string>;
}

/** Gauges that are read from the guard's last pass when they are asked for. */
export function agentMetrics(guard: Guard): AgentMetrics {
  const registry = new Registry();
  // The event loop's delay is looked at every 100 ms: prom-client's own 10 ms would be most of an idle agent's work.
  collectDefaultMetrics({
    register: registry,
    prefix: "schedgate_agent_",
    eventLoopMonitoringPrecision: 100,
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
  return { contentType: registry.contentType, text: () => registry.metrics() };
}
