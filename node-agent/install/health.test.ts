import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { expect, test } from "@jest/globals";
import type { Clock } from "../../common/clock.ts";
import { healthServer } from "./health.ts";
import { progress } from "./progress.ts";

test("tells the kubelet and Prometheus how the installation goes", async () => {
  const clock: Clock = { now: () => new Date(1_700_000_000_900), sleep: () => Promise.resolve() };
  const how = progress(clock);
  let installed = false;
  const server = healthServer(() => installed, how).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const ask = async (path: string): Promise<[number, string]> => {
    const answer = await fetch(`http://127.0.0.1:${String(port)}${path}`);
    return [answer.status, await answer.text()];
  };
  try {
    how.failed();
    how.failed();
    expect((await ask("/readyz"))[0]).toBe(503);
    expect((await ask("/metrics"))[1]).toContain("\nschedgate_installer_failures_total 2\n");
    expect((await ask("/metrics"))[1]).toContain("_last_success_timestamp_seconds 0\n");
    how.succeeded();
    installed = true;
    expect(await ask("/readyz")).toEqual([200, "ok\n"]);
    expect((await ask("/metrics"))[1]).toContain("_last_success_timestamp_seconds 1700000000\n");
    expect((await ask("/other"))[0]).toBe(404);
  } finally {
    server.close();
  }
});
