import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect } from "@jest/globals";
import { parse } from "yaml";
import { cacheRoot, openCache } from "../test/lab/cache.ts";
import { exec, must } from "../test/lab/exec.ts";
import { findProgram } from "../test/lab/prerequisites.ts";
import { testOn } from "../test/prerequisite.ts";

const alerts = join(import.meta.dirname, "../manifests/monitoring/alerts.yaml");
const path = process.env["PATH"];
const installed = findProgram("promtool", path);
const canGet = findProgram("apt-get", path) !== undefined && findProgram("dpkg-deb", path) !== undefined;
const testWith = testOn(
  installed !== undefined || canGet ? undefined : "promtool, and no apt to get it from",
);

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "schedgate-alerts-"));
  const { spec } = parse(await readFile(alerts, "utf8")) as { spec: object };
  await writeFile(join(directory, "rules.yaml"), JSON.stringify(spec));
});

afterAll(async () => {
  await rm(directory, { recursive: true });
});

/** The machine's promtool, or the one of Debian's package, unpacked: to install it would start a server. */
async function promtool(): Promise<string> {
  if (installed !== undefined) return installed;
  const cache = openCache(cacheRoot(process.env), () => undefined);
  const key = { thing: "promtool", version: "debian", recipe: "unpacked" };
  const unpacked = await cache.get(key, async (into) => {
    await must("apt-get", ["-qq", "download", "prometheus"], { cwd: into });
    await must("sh", ["-c", "dpkg-deb -x prometheus_*.deb . && rm prometheus_*.deb"], { cwd: into });
  });
  return join(unpacked, "usr/bin/promtool");
}

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
  const { code, stdout, stderr } = await exec(await promtool(), ["test", "rules", file], { cwd: directory });
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
      const { code, stdout, stderr } = await exec(await promtool(), [
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
});
