import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect } from "@jest/globals";
import { parse } from "yaml";
import { exec } from "../test/lab/exec.ts";
import { lacksPrometheus, prometheusProgram } from "../test/lab/prometheus.ts";
import { testOn } from "../test/prerequisite.ts";

const alerts = join(import.meta.dirname, "../manifests/monitoring/alerts.yaml");
const testWith = testOn(lacksPrometheus());

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "schedgate-alerts-"));
  const { spec } = parse(await readFile(alerts, "utf8")) as { spec: object };
  await writeFile(join(directory, "rules.yaml"), JSON.stringify(spec));
});

afterAll(async () => {
  await rm(directory, { recursive: true });
});

interface Series {
  series: string;
  /** Prometheus' own notation, a value a minute: `1x9` is ten times 1. */
  values: string;
}

interface Expected {
  alertname: string;
  eval_time: string;
  exp_alerts: { exp_labels: Record<string, string> }[];
}

/** What promtool says to these series and what should fire by them; labels alone, the texts are not compared. */
async function firing(input_series: Series[], expected: Expected[]): Promise<string> {
  const groups = (JSON.parse(await readFile(join(directory, "rules.yaml"), "utf8")) as Rules).groups;
  const bare = groups.map((group) => ({
    ...group,
    rules: group.rules.map((rule) => ({ ...rule, annotations: {} })),
  }));
  await writeFile(join(directory, "bare.yaml"), JSON.stringify({ groups: bare }));
  const tests = [{ interval: "1m", input_series, alert_rule_test: expected }];
  const file = join(directory, "test.yaml");
  await writeFile(file, JSON.stringify({ rule_files: ["bare.yaml"], evaluation_interval: "1m", tests }));
  const { code, stdout, stderr } = await exec(await prometheusProgram("promtool"), ["test", "rules", file], {
    cwd: directory,
  });
  return code === 0 ? "as expected" : stdout + stderr;
}

interface Rules {
  groups: { rules: object[] }[];
}

function fires(alertname: string, eval_time: string, ...labels: Record<string, string>[]): Expected {
  return { alertname, eval_time, exp_alerts: labels.map((exp_labels) => ({ exp_labels })) };
}

const [warning, critical] = [{ severity: "warning" }, { severity: "critical" }];

describe("the alerts", () => {
  testWith(
    "are rules that Prometheus takes",
    async () => {
      const { code, stdout, stderr } = await exec(await prometheusProgram("promtool"), [
        "check",
        "rules",
        join(directory, "rules.yaml"),
      ]);
      expect({ code, text: stdout + stderr }).toMatchObject({ code: 0 });
    },
    300_000,
  );

  testWith(
    "tell of a cache that heard nothing for more than two minutes, and not of one between two bookmarks",
    async () => {
      const series = [
        { series: 'schedgate_cache_age_seconds{pod="a",cache="hookgrants"}', values: "30x2 130x4 5x4" },
        { series: 'schedgate_cache_age_seconds{pod="b",cache="hookgrants"}', values: "61x12" },
      ];
      const stale = { ...warning, pod: "a", cache: "hookgrants" };
      const expected = [
        fires("SchedgateCacheStale", "2m"),
        fires("SchedgateCacheStale", "5m", stale),
        fires("SchedgateCacheStale", "10m"),
      ];
      expect(await firing(series, expected)).toBe("as expected");
    },
    300_000,
  );

  testWith(
    "tell of two leaders, and of none, and not of a change of leader",
    async () => {
      const series = [
        { series: 'schedgate_leader{pod="a"}', values: "1x3 0x20" },
        { series: 'schedgate_leader{pod="b"}', values: "0x4 1x5 0x13" },
      ];
      const expected = [
        fires("SchedgateNoLeader", "4m"),
        fires("SchedgateNoLeader", "8m"),
        fires("SchedgateNoLeader", "13m", warning),
      ];
      expect(await firing(series, expected)).toBe("as expected");
    },
    300_000,
  );

  testWith(
    "tell of a certificate that ends within a day",
    async () => {
      const series = [
        { series: 'schedgate_certificate_expiration_timestamp_seconds{pod="a"}', values: "3600x20" },
        { series: 'schedgate_certificate_expiration_timestamp_seconds{pod="b"}', values: "200000x20" },
      ];
      const expected = [
        fires("SchedgateCertificateEnds", "5m"),
        fires("SchedgateCertificateEnds", "15m", { ...critical, pod: "a" }),
      ];
      expect(await firing(series, expected)).toBe("as expected");
    },
    300_000,
  );

  testWith(
    "tell of a backstop that is behind, and nothing where there is none",
    async () => {
      expect(await firing([], [fires("SchedgateBackstopBehind", "15m")])).toBe("as expected");
      const series = [{ series: 'schedgate_backstop_current{pod="a"}', values: "1x2 0x10" }];
      expect(await firing(series, [fires("SchedgateBackstopBehind", "10m", warning)])).toBe("as expected");
    },
    300_000,
  );

  testWith(
    "tell of reservations that get in each other's way all the time, and not of many that do not",
    async () => {
      const calls = (method: string, values: string): Series => ({
        series: `schedgate_room_api_calls_total{pod="a",method="${method}"}`,
        values,
      });
      const alone = [calls("GET", "0+30x30"), calls("PATCH", "0+600x30")];
      const contended = [calls("GET", "0+90x30"), calls("PATCH", "0+200x30")];
      expect(await firing(alone, [fires("SchedgateReservationsContended", "25m")])).toBe("as expected");
      const expected = [
        fires("SchedgateReservationsContended", "9m"),
        fires("SchedgateReservationsContended", "25m", warning),
      ];
      expect(await firing(contended, expected)).toBe("as expected");
    },
    300_000,
  );

  testWith(
    "tell of a webhook that gives no metrics",
    async () => {
      const expected = [
        fires("SchedgateWebhookAbsent", "4m"),
        fires("SchedgateWebhookAbsent", "6m", critical),
      ];
      expect(await firing([], expected)).toBe("as expected");
    },
    300_000,
  );

  const onNode = { pod: "a", node: "n" };
  const seriesOf = (metric: string, more = ""): string => `${metric}{pod="a",node="n"${more}}`;
  // Each for so many minutes, and not for a minute less, nor when it is over.
  const COUNTS: [string, string, string, number, Record<string, string>][] = [
    ["a container without right", "schedgate_isolation_refusals", "SchedgateContainerRefused", 2, warning],
    ["a right that is not shown", "schedgate_isolation_unjudged", "SchedgateRightUnknown", 15, warning],
    ["a hook that nobody protects", "schedgate_unprotected_hooks", "SchedgateHooksUnprotected", 15, warning],
    ["a node that needs a person", "schedgate_isolation_problems", "SchedgateNodeDegraded", 10, warning],
    ["isolation that is lost", "schedgate_isolation_unproven", "SchedgateIsolationUnproven", 2, critical],
    ["a start without isolation", "schedgate_isolation_failures", "SchedgateIsolationFailed", 2, critical],
  ];

  for (const [what, metric, alert, minutes, severity] of COUNTS) {
    testWith(
      `tell of ${what} after ${String(minutes)} minutes, and of which node`,
      async () => {
        const series = [{ series: seriesOf(metric), values: `0x4 2x${String(minutes + 4)} 0x10` }];
        const expected = [
          fires(alert, `${String(4 + minutes)}m`),
          fires(alert, `${String(6 + minutes)}m`, { ...severity, ...onNode }),
          fires(alert, `${String(14 + minutes)}m`),
        ];
        expect(await firing(series, expected)).toBe("as expected");
      },
      300_000,
    );
  }

  testWith(
    "tell for an hour of isolation that was lost and is there again, also where it was the first",
    async () => {
      const metric = "schedgate_isolation_events_total";
      const series = [
        { series: seriesOf(metric, ',reason="IsolationFailed"'), values: "0x9 1x90" },
        { series: seriesOf(metric, ',reason="Isolated"'), values: "0x2 5x97" },
      ];
      const expected = [
        fires("SchedgateIsolationLost", "9m"),
        fires("SchedgateIsolationLost", "12m", { ...warning, ...onNode }),
        fires("SchedgateIsolationLost", "60m", { ...warning, ...onNode }),
        fires("SchedgateIsolationLost", "80m"),
      ];
      expect(await firing(series, expected)).toBe("as expected");
    },
    300_000,
  );

  testWith(
    "tell of an installer that never succeeded, or does so no more, and not of one that looks each minute",
    async () => {
      const metric = "schedgate_installer_last_success_timestamp_seconds";
      const series = [
        { series: seriesOf(metric), values: "0x40" },
        { series: `${metric}{pod="b",node="m"}`, values: "0+60x10 600x30" },
        { series: `${metric}{pod="c",node="o"}`, values: "0+60x40" },
      ];
      const [never, noMore] = [
        { ...critical, ...onNode },
        { ...critical, pod: "b", node: "m" },
      ];
      const expected = [
        fires("SchedgateInstallerFails", "5m"),
        fires("SchedgateInstallerFails", "12m", never),
        fires("SchedgateInstallerFails", "30m", never, noMore),
      ];
      expect(await firing(series, expected)).toBe("as expected");
    },
    300_000,
  );

  testWith(
    "tell of an agent that gives no metrics, and not of its installer or of other programs",
    async () => {
      const up = (job: string, container: string, values: string): Series => ({
        series: `up{job="${job}",pod="a",node="n",container="${container}"}`,
        values,
      });
      const agent = "schedgate-system/schedgate-node-agent";
      const down = "0x20";
      const others = [up(agent, "installer", down), up("other", "agent", down)];
      expect(await firing(others, [fires("SchedgateAgentAbsent", "15m")])).toBe("as expected");
      const expected = [
        fires("SchedgateAgentAbsent", "9m"),
        fires("SchedgateAgentAbsent", "15m", { ...warning, ...onNode }),
      ];
      expect(await firing([up(agent, "agent", down)], expected)).toBe("as expected");
    },
    300_000,
  );
});
