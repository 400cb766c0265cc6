import { SchedgateError } from "../../common/errors.ts";
import type { LabNode, NodeDriver, NodeKind } from "./types.ts";

/** No node at all. TEST-NET-1 (RFC 5737) stands for the address that pods would need and nobody asks for. */
const noNode: NodeDriver = {
  requirements: () => [],
  prepare: () => Promise.resolve(),
  network: () =>
    Promise.resolve({ bindAddress: "127.0.0.1", advertiseAddress: "192.0.2.1", serviceCidr: "10.96.0.0/16" }),
  start: () => Promise.reject(new SchedgateError("E_LAB", "a lab with --node none has no node")),
  attach: () => Promise.reject(new SchedgateError("E_LAB", "a lab with --node none has no node")),
  stop: () => Promise.resolve([]),
};

/** The driver of a kind of node. */
export async function driverOf(kind: NodeKind): Promise<NodeDriver> {
  switch (kind) {
    case "none":
      return noNode;
    case "vm":
      return (await import("./vm/driver.ts")).vmDriver;
    case "host":
      return (await import("./host/driver.ts")).hostDriver;
  }
}

/** Stands in where there is no node: every question is answered by the reason. */
export const absentNode: LabNode = {
  name: "",
  run: () =>
    Promise.reject(new SchedgateError("E_LAB", "this lab was started with --node none: it has no node")),
  restartService: () =>
    Promise.reject(new SchedgateError("E_LAB", "this lab was started with --node none: it has no services")),
  loadImage: () =>
    Promise.reject(new SchedgateError("E_LAB", "this lab was started with --node none: it has no runtime")),
  agentSettings: {},
  staticPods: "",
  crictl: undefined,
  lastLines: () => Promise.resolve(""),
};
