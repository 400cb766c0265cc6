import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { temporaryTree } from "../host/testing.ts";
import { installConfig } from "./config.ts";

const tree = temporaryTree();
beforeEach(tree.make);
afterEach(tree.remove);

const CONTAINERD = "run/containerd/containerd.sock";
const CRIO = "run/crio/crio.sock";

function configured(env: NodeJS.ProcessEnv = {}): string[] {
  const { runtime, socket, runtimeConfig } = installConfig({ SCHEDGATE_HOST_ROOT: tree.root, ...env });
  return [runtime, socket, runtimeConfig];
}

describe("a runtime that no setting names", () => {
  test.each([
    [CONTAINERD, ["containerd", `/${CONTAINERD}`, "/etc/containerd/config.toml"]],
    [CRIO, ["crio", `/${CRIO}`, "/etc/crio/crio.conf.d"]],
  ])("is the one whose socket the host has: %s", (socket, expected) => {
    tree.file(socket, "");
    expect(configured()).toEqual(expected);
  });

  test("is told by the socket that is named, wherever that is", () => {
    tree.file(CONTAINERD, "");
    tree.file("srv/crio.sock", "");
    expect(configured({ SCHEDGATE_RUNTIME_SOCKET: "/srv/crio.sock" }).slice(0, 2)).toEqual([
      "crio",
      "/srv/crio.sock",
    ]);
  });

  test.each([
    ["none is there", [], {}, "neither /run/containerd/containerd.sock nor /run/crio/crio.sock: set it to"],
    [
      "both are there",
      [CONTAINERD, CRIO],
      {},
      "both /run/containerd/containerd.sock and /run/crio/crio.sock",
    ],
    [
      "the named one is not there",
      [CRIO],
      { SCHEDGATE_RUNTIME_SOCKET: "/srv/crio.sock" },
      "no /srv/crio.sock",
    ],
    ["its name tells nothing", ["srv/x"], { SCHEDGATE_RUNTIME_SOCKET: "/srv/x" }, "no /srv/x that is named"],
  ])("is an error that says what to set where %s", (_, sockets, env, message) => {
    for (const socket of sockets) tree.file(socket, "");
    expect(() => configured(env)).toThrow(`SCHEDGATE_RUNTIME is not set, and this host has ${message}`);
  });

  test("is not looked for where one is named", () => {
    for (const socket of [CONTAINERD, CRIO]) tree.file(socket, "");
    expect(configured({ SCHEDGATE_RUNTIME: "crio" }).slice(0, 2)).toEqual(["crio", `/${CRIO}`]);
  });
});
