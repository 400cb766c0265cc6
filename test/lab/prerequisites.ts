import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { SchedgateError } from "../../common/errors.ts";
import { must } from "./exec.ts";

/** A program the lab runs, and the Debian package it comes from. */
export interface Requirement {
  /** A name looked up in PATH and the sbin directories, or an absolute path of a file. */
  program: string;
  /** Debian and Ubuntu; undefined where apt has no version that is new enough. */
  package?: string;
  /** What to do where apt cannot help. */
  hint?: string;
  /** Why the program that was found will not do, or undefined where it will. */
  unfit?: (file: string) => Promise<string | undefined>;
}

/** Everything that something needs of the machine. */
export interface Needs {
  programs: readonly Requirement[];
  /** Why root is needed; undefined where it is not. */
  root?: string | undefined;
}

/** What of a machine decides whether needs are met. */
export interface Premises {
  platform: string;
  isRoot: boolean;
  find: (program: string) => string | undefined;
  /** Installs Debian packages. */
  install: (packages: readonly string[]) => Promise<void>;
}

/** A requirement that is not met, and why where the program is there. */
type Lacking = Requirement & { why?: string };

const SYSTEM_PATHS = ["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/local/go/bin"];

/** The first place of a program, or undefined. */
export function findProgram(program: string, path: string | undefined): string | undefined {
  if (program.startsWith("/")) return existsSync(program) ? program : undefined;
  return [...(path ?? "").split(delimiter), ...SYSTEM_PATHS]
    .filter((directory) => directory !== "")
    .map((directory) => join(directory, program))
    .find((file) => existsSync(file));
}

/** The requirements that the machine does not meet. */
async function missing(requirements: readonly Requirement[], { find }: Premises): Promise<Lacking[]> {
  const each = requirements.map(async (requirement): Promise<Lacking[]> => {
    const file = find(requirement.program);
    if (file === undefined) return [requirement];
    const why = await requirement.unfit?.(file);
    return why === undefined ? [] : [{ ...requirement, why }];
  });
  return (await Promise.all(each)).flat();
}

/** What to tell a person about all that is missing. */
function explain(lacking: readonly Lacking[], root: string | undefined): string {
  const packages = packagesOf(lacking);
  const command =
    packages.length === 0
      ? []
      : [`On Debian or Ubuntu: sudo apt-get install --no-install-recommends ${packages.join(" ")}`];
  return [
    "The lab needs what this machine does not have:",
    ...(root === undefined ? [] : [`  root: ${root}; use sudo`]),
    ...lacking.map(({ program, why, hint }) => `  ${[program, why, hint].filter(Boolean).join(": ")}`),
    ...command,
  ].join("\n");
}

function packagesOf(lacking: readonly Requirement[]): string[] {
  return [...new Set(lacking.flatMap((each) => (each.package === undefined ? [] : [each.package])))].sort();
}

/**
 * Makes sure that every need is met: names at once all that is missing, or installs it as root where there is apt.
 * @throws SchedgateError E_MISSING that names all of it and the command to get what apt has.
 */
export async function ensure(
  { programs, root }: Needs,
  log: (line: string) => void,
  machine: Premises = thisMachine,
): Promise<void> {
  if (machine.platform !== "linux") {
    throw new SchedgateError("E_MISSING", `the lab needs Linux; this is ${machine.platform}`);
  }
  const lacking = await missing(programs, machine);
  const noRoot = machine.isRoot ? undefined : root;
  if (lacking.length === 0 && noRoot === undefined) return;
  const aptHasAll = lacking.every((each) => each.package !== undefined && each.why === undefined);
  if (!aptHasAll || !machine.isRoot || machine.find("apt-get") === undefined) {
    throw new SchedgateError("E_MISSING", explain(lacking, noRoot));
  }
  const packages = packagesOf(lacking);
  log(`installing what is missing with apt: ${packages.join(" ")}`);
  await machine.install(packages);
  const still = await missing(programs, machine);
  if (still.length > 0) throw new SchedgateError("E_MISSING", explain(still, undefined));
}

/** The same for programs alone. */
export function ensurePrograms(programs: readonly Requirement[], log: (line: string) => void): Promise<void> {
  return ensure({ programs }, log);
}

const thisMachine: Premises = {
  platform: process.platform,
  isRoot: process.getuid?.() === 0,
  find: (program) => findProgram(program, process.env["PATH"]),
  install: async (packages) => {
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    // apt fails where another one is at work. Ours wait for each other (an image is built while a lab comes up), and for others' dpkg.
    const apt = (...args: string[]): Promise<string> =>
      must("flock", ["/var/lib/apt", "apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300", ...args], { env });
    await apt("update");
    await apt("install", "-y", "--no-install-recommends", ...packages);
  },
};
