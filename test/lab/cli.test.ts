import { expect, test } from "@jest/globals";
import { parseUp } from "./cli.ts";

test("the defaults are a VM, containerd and the newest Kubernetes tried", () => {
  expect(parseUp([])).toEqual({ node: "vm", runtime: "containerd", kubernetes: "v1.36.3", schedgate: false });
});

test("every choice is taken", () => {
  const args = ["--node", "host", "--runtime=crio", "--kubernetes", "v1.35.4", "--schedgate"];
  expect(parseUp(args)).toEqual({ node: "host", runtime: "crio", kubernetes: "v1.35.4", schedgate: true });
});

test.each([
  [["--node", "docker"], "--node docker: use one of vm, host, none"],
  [["--runtime", "podman"], "--runtime podman: use one of containerd, crio"],
  [["--nodes", "vm"], "--nodes"],
])("%j is refused", (args, message) => {
  expect(() => parseUp(args)).toThrow(message);
});
