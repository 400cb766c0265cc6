import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { systemClock } from "../../common/clock.ts";
import { connectKube } from "../../common/kube/client.ts";
import { pathOf, resources } from "../../common/kube/paths.ts";
import { KubeApiError } from "../../common/kube/port.ts";
import { reflector } from "../../common/kube/reflector.ts";
import { silentLogger } from "../../common/log.ts";
import { openProcesses } from "../lab/processes.ts";
import { restartApiServer } from "../lab/restart.ts";
import { create, eventually, must, namespace, refusalOf, remove, startCluster, tryPod } from "./cluster.ts";
import type { Cluster, Json } from "./cluster.ts";
import { ASK, grant, pod, profile } from "./objects.ts";
import { startStallingProxy } from "./stallingproxy.ts";
import type { StallingProxy } from "./stallingproxy.ts";
import { startWebhook } from "./webhook.ts";
import type { Webhook } from "./webhook.ts";

const { hookGrants, hookProfiles, runtimeClasses } = resources;
/** Seconds; a watch silent for half of it is given up. */
const STALE = 20;
const AGE = 'schedgate_cache_age_seconds{cache="hookgrants"}';
const CLASSES = 'schedgate_cache_age_seconds{cache="runtimeclasses"}';

jest.setTimeout(120_000);

let cluster: Cluster;
let proxy: StallingProxy;
let webhook: Webhook;

beforeAll(async () => {
  cluster = await startCluster("halfopen");
  await namespace(cluster.api, "trading");
  const server = await must(cluster.lab, ["config", "view", "-o", "jsonpath={.clusters[0].cluster.server}"]);
  proxy = await startStallingProxy(server);
  webhook = await startWebhook(cluster, {
    server: proxy.url,
    env: { SCHEDGATE_STALE_SECONDS: String(STALE) },
  });
  await webhook.ready();
}, 600_000);

afterAll(async () => {
  await webhook.stop();
  await proxy.close();
  await cluster.stop();
}, 60_000);

function tryToAsk(): Promise<unknown> {
  return tryPod(cluster.api, "trading", pod({ annotations: { [ASK]: "enabled" } }));
}

async function admitted(): Promise<true | undefined> {
  try {
    await tryToAsk();
    return true;
  } catch (error) {
    // 503: calls on other connections that died as quietly take until their own time limit.
    if (error instanceof KubeApiError && [403, 503].includes(error.status)) return undefined;
    throw error;
  }
}

/** Deletes a grant, and waits until it is honoured no more. */
async function withdraw(name: string): Promise<void> {
  await remove(cluster.api, hookGrants, { name });
  await eventually("a grant's end", async () => ((await admitted()) === true ? undefined : true), 5_000);
}

/** How often its watch of the grants was given up. */
function silences(): number {
  const text = `nothing came for ${String(STALE * 500)} ms`;
  const told = webhook.log().map(({ path, error }) => `${String(path)} ${String(error)}`);
  return told.filter((each) => each.startsWith(pathOf(hookGrants)) && each.includes(text)).length;
}

describe("a webhook whose API server is only quiet", () => {
  test("stays ready, also with a bound shorter than the time between bookmarks", async () => {
    const seen: number[] = [];
    const until = Date.now() + 2 * STALE * 1000;
    await eventually(
      "a quiet time to pass",
      async () => {
        seen.push((await webhook.readyz()).status);
        return Date.now() > until ? true : undefined;
      },
      4 * STALE * 1000,
    );
    expect(new Set(seen)).toEqual(new Set([200]));
    expect(await webhook.metric(AGE)).toBeLessThan(STALE);
  });
});

describe("a connection that is dead without anybody having said so", () => {
  test("is noticed by its silence, and what was missed is listed", async () => {
    // What is heard now begins the silence anew: else it might just be over.
    await create(cluster.api, hookGrants, grant("heard", "trading"));
    await eventually("a grant to be honoured", admitted, 5_000);
    await withdraw("heard");
    const before = silences();
    proxy.stall();
    await create(cluster.api, hookGrants, grant("missed", "trading"));
    expect((await refusalOf(tryToAsk())).status).toBe(403);
    await eventually("the missed grant to be honoured", admitted, (STALE + 40) * 1000);
    expect(silences()).toBe(before + 1);
    await withdraw("missed");
  });

  test.each([
    ["harmless", "wrapper", "cpu-isolation"],
    ["wrapper", "second", "second"],
  ])(
    "does not keep a class from being judged by what it is now (%s, then %s)",
    async (old, handler, guard) => {
      await create(
        cluster.api,
        hookProfiles,
        profile("second", { protects: { runtimeHandlers: ["second"] } }),
      );
      await create(cluster.api, hookGrants, grant("first-only", "trading"));
      if (old === "harmless") await withdraw("first-only");
      const make = (to: string): Promise<Json> =>
        create(cluster.api, runtimeClasses, { metadata: { name: "shifting" }, handler: to });
      const name = (): Promise<unknown> =>
        tryPod(cluster.api, "trading", pod({ runtimeClassName: "shifting" }));
      await make(old);
      await eventually("the class and its grant", () => name().catch(() => undefined));
      await eventually("the class to be heard of", async () =>
        (await webhook.metric(CLASSES)) < 1 ? true : undefined,
      );
      proxy.stall();
      const since = Date.now();
      await remove(cluster.api, runtimeClasses, { name: "shifting" });
      await make(handler);
      // By the cache, which has heard nothing by then, it would be let through.
      await refusalOf(name());
      const silent = (Date.now() - since) / 1000;
      expect(await webhook.metric(CLASSES)).toBeGreaterThanOrEqual(silent);
      // Each idle connection that died as quietly costs a look-up its 3 s.
      const line = await eventually(
        "a look at the API server",
        async () => {
          const { status, message } = await refusalOf(name());
          return status === 403 ? message : undefined;
        },
        30_000,
      );
      expect(line).toContain(
        `runtimeClassName shifting (handler ${handler}) is protected by HookProfile ${guard}`,
      );
      await remove(cluster.api, runtimeClasses, { name: "shifting" });
      await remove(cluster.api, hookProfiles, { name: "second" });
      await remove(cluster.api, hookGrants, { name: "first-only" });
    },
  );
});

describe("a webhook that hears nothing of the API server any more", () => {
  test("is not ready past its bound, judges nothing, and is both again once it hears", async () => {
    proxy.stall(true);
    const answer = await eventually(
      "not to be ready",
      async () => {
        const { status, text } = await webhook.readyz();
        return status === 503 ? text : undefined;
      },
      (STALE + 5) * 1000,
    );
    expect(answer).toContain("not in step with the API server");
    // Each cache is stale at a time of its own; the first that is takes the readiness away, also one that judges nothing.
    await eventually(
      "a stale cache to refuse",
      async () => {
        const { status, message } = await refusalOf(tryToAsk());
        return status === 503 && message.includes("not in step") ? true : undefined;
      },
      (STALE + 5) * 1000,
    );
    await eventually(
      "the age to be past the bound",
      async () => ((await webhook.metric(AGE)) > STALE ? true : undefined),
      (STALE + 5) * 1000,
    );
    proxy.letPass();
    await webhook.ready();
    expect((await refusalOf(tryToAsk())).status).toBe(403);
  });
});

/** Makes etcd forget what was before now, and the API server the changes that it keeps in memory. */
async function forgetThePast(): Promise<void> {
  const { pid } = (await openProcesses(cluster.lab.stateDir).find("etcd")) ?? {};
  const [url = ""] = /http:[^\0]+/.exec(await readFile(`/proc/${pid ?? ""}/cmdline`, "utf8")) ?? [];
  const ask = async (path: string, body: object): Promise<Json> => {
    const answer = await fetch(`${url}/v3/${path}`, { method: "POST", body: JSON.stringify(body) });
    expect(answer.status).toBe(200);
    return answer.json() as Promise<Json>;
  };
  const { revision } = (await ask("maintenance/status", {}))["header"] as { revision: string };
  await ask("kv/compaction", { revision, physical: true });
  await restartApiServer(cluster.lab);
}

describe("a watch that breaks off, and whose place the API server has forgotten", () => {
  test("is told so, and all that it missed is listed", async () => {
    const kubeconfig = join(cluster.lab.stateDir, "relay.kubeconfig");
    const server = await must(cluster.lab, [
      "config",
      "view",
      "-o",
      "jsonpath={.clusters[0].cluster.server}",
    ]);
    const text = await must(cluster.lab, ["config", "view", "--raw", "-o", "json"]);
    await writeFile(kubeconfig, text.replaceAll(server.trim(), proxy.url), { mode: 0o600 });
    const told: unknown[] = [];
    const ended = new AbortController();
    const view = reflector({
      api: await connectKube({ kubeconfig }),
      clock: systemClock,
      log: { ...silentLogger, info: (fields) => told.push(fields) },
      path: pathOf(hookGrants),
      parse: (object) => object,
    });
    await create(cluster.api, hookGrants, grant("removed", "trading"));
    const run = view.run(ended.signal);
    await eventually("a list", () => Promise.resolve(view.items().has("removed") || undefined));
    proxy.stall();
    await create(cluster.api, hookGrants, grant("added", "trading"));
    await remove(cluster.api, hookGrants, { name: "removed" });
    await forgetThePast();
    expect([...view.items().keys()]).toEqual(["removed"]);
    proxy.cut();
    await eventually("a list", () => Promise.resolve(view.items().has("added") || undefined));
    expect([...view.items().keys()]).toEqual(["added"]);
    expect(told).toEqual([{ path: pathOf(hookGrants), error: expect.stringContaining("410 Expired") }]);
    ended.abort();
    await run;
  });
});
