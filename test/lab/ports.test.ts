import { once } from "node:events";
import { createServer } from "node:net";
import { expect, test } from "@jest/globals";
import { freePorts } from "./ports.ts";

test("free ports are none that an outgoing connection may take, and none of them comes twice", async () => {
  const several = await Promise.all([freePorts(300), freePorts(1), freePorts(300)]);
  const ports = several.flat();
  expect(new Set(ports).size).toBe(601);
  expect(Math.max(...ports)).toBeLessThan(30_000);
});

test("one that something listens on is passed over", async () => {
  const [busy = 0] = await freePorts(1);
  const server = createServer().listen(busy, "127.0.0.1");
  await once(server, "listening");
  // Together more than there are.
  const ports = [await freePorts(600), await freePorts(600)].flat();
  expect(ports).not.toContain(busy);
  server.close();
});
