import { describe, expect, test } from "@jest/globals";
import { ensure, findProgram, type Premises } from "./prerequisites.ts";

const sh = { program: "sh", package: "dash" };
const qemu = { program: "qemu", package: "qemu-system" };
const go = { program: "go", hint: "from https://go.dev/dl/" };
const silent = (): void => undefined;

/** A machine with these programs; installs add to `installed`. */
function machine(has: string[], more: Partial<Premises> = {}): Premises & { installed: string[] } {
  const installed: string[] = [];
  return {
    platform: "linux",
    isRoot: true,
    find: (program) => (has.includes(program) || installed.includes(program) ? `/bin/${program}` : undefined),
    install: (packages) => {
      installed.push(...packages.map((name) => (name === "qemu-system" ? "qemu" : name)));
      return Promise.resolve();
    },
    installed,
    ...more,
  };
}

test("a program is found in PATH, in the system's own directories, or by its path", () => {
  expect(findProgram("sh", "/nowhere:/bin")).toBe("/bin/sh");
  expect(findProgram("/bin/sh", "")).toBe("/bin/sh");
  expect(findProgram("no-such-program", process.env["PATH"])).toBeUndefined();
});

describe("what a machine lacks", () => {
  test("is named whole in one message, root and old programs too, and nothing is installed before", async () => {
    const old = machine(["sh", "go", "apt-get"], { isRoot: false });
    const unfit = (file: string): Promise<string> => Promise.resolve(`${file} is 1.19, needed is 1.26`);
    const needs = { programs: [sh, qemu, { ...go, unfit }], root: "the node is a VM" };
    await expect(ensure(needs, silent, old)).rejects.toThrow(
      [
        "The lab needs what this machine does not have:",
        "  root: the node is a VM; use sudo",
        "  qemu",
        "  go: /bin/go is 1.19, needed is 1.26: from https://go.dev/dl/",
        "On Debian or Ubuntu: sudo apt-get install --no-install-recommends qemu-system",
      ].join("\n"),
    );
    expect(old.installed).toEqual([]);
  });

  test("is not installed in part: where apt lacks one thing, all are named", async () => {
    const without = machine(["sh", "apt-get"]);
    await expect(ensure({ programs: [qemu, go] }, silent, without)).rejects.toThrow(/qemu\n {2}go: from/);
    expect(without.installed).toEqual([]);
  });

  test("is installed by root where apt has all of it", async () => {
    const fresh = machine(["apt-get"]);
    const log: string[] = [];
    await ensure({ programs: [sh, qemu], root: "why" }, (line) => log.push(line), {
      ...fresh,
      find: (program) => fresh.find(program === "sh" ? "dash" : program),
    });
    expect(fresh.installed).toEqual(["dash", "qemu"]);
    expect(log).toEqual(["installing what is missing with apt: dash qemu-system"]);
  });

  test("is asked for again after the installation", async () => {
    const stuck = machine(["apt-get"], { install: () => Promise.resolve() });
    await expect(ensure({ programs: [qemu] }, silent, stuck)).rejects.toThrow("  qemu");
  });

  test("is Linux itself elsewhere", async () => {
    const mac = machine([], { platform: "darwin" });
    await expect(ensure({ programs: [] }, silent, mac)).rejects.toThrow("needs Linux; this is darwin");
  });
});

test("a machine that has everything is left alone", async () => {
  const whole = machine(["sh"], { isRoot: false });
  await ensure({ programs: [sh] }, silent, whole);
  expect(whole.installed).toEqual([]);
});
