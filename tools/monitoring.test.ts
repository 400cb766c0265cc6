import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { parse } from "yaml";
import { systemClock } from "../common/clock.ts";
import { agentMetrics } from "../node-agent/daemon/metrics.ts";
import { progress } from "../node-agent/install/progress.ts";
import { createMetrics } from "../webhook/metrics.ts";

const folder = join(import.meta.dirname, "../manifests/monitoring");

interface Rules {
  spec: { groups: { rules: { alert: string; expr: string; for: string }[] }[] };
}

interface Dashboard {
  panels: { title: string; targets: { expr: string }[] }[];
}

/** The names of metrics in an expression: what PromQL itself does not know. */
function metricsIn(expr: string): string[] {
  const bare = expr.replaceAll(/\{[^}]*\}|\[[^\]]*\]|\b(by|without) *\([^)]*\)/g, " ");
  return [...bare.matchAll(/\b(?:up\b|[a-z_]*(?:schedgate|nodejs)_[a-z0-9_]+)/g)].map(([name]) => name);
}

/** The names that a scrape of the webhook, of an agent and of an installer gives; a histogram has three. */
async function exposed(): Promise<Set<string>> {
  const webhook = createMetrics();
  webhook.observe({ caches: {}, leads: () => true, now: () => new Date() });
  const guard = { latest: () => undefined } as unknown as Parameters<typeof agentMetrics>[0];
  const agent = agentMetrics(guard, { observed: () => [] });
  const text = [await webhook.text(), await agent.text(), progress(systemClock).text()].join("\n");
  const types = [...text.matchAll(/^# TYPE (\S+) (\S+)/gm)];
  // Prometheus makes `up` itself.
  return new Set(
    [["", "up", "gauge"], ...types].flatMap(([, name = "", type]) =>
      type === "histogram" ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
    ),
  );
}

const alerts = (parse(readFileSync(join(folder, "alerts.yaml"), "utf8")) as Rules).spec.groups.flatMap(
  ({ rules }) => rules.map(({ alert, expr }) => [alert, expr] as const),
);
const panels = (JSON.parse(readFileSync(join(folder, "dashboard.json"), "utf8")) as Dashboard).panels.flatMap(
  ({ title, targets }) => targets.map(({ expr }) => [title, expr] as const),
);

describe("every metric exists that is named by", () => {
  test.each([...alerts, ...panels])("%s: %s", async (_, expr) => {
    const names = metricsIn(expr);
    expect(names.length).toBeGreaterThan(0);
    const known = await exposed();
    expect(names.filter((name) => !known.has(name))).toEqual([]);
  });
});
