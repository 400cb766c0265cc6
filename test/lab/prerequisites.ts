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
}

const SYSTEM_PATHS = ["/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/local/go/bin"];

/** The first place of a program, or undefined. */
export function findProgram(program: string, path: string | undefined): string | undefined {
  if (program.startsWith("/")) return existsSync(program) ? program : undefined;
  return [...(path ?? "").split(delimiter), ...SYSTEM_PATHS]
    .filter((directory) => directory !== "")
    .map((directory) => join(directory, program))
    .find((file) => existsSync(file));
}

/** The requirements that nothing on this machine meets. */
export function missing(requirements: readonly Requirement[], path: string | undefined): Requirement[] {
  return requirements.filter(({ program }) => findProgram(program, path) === undefined);
}

/** What to tell a person about missing programs. */
export function explain(lacking: readonly Requirement[]): string {
  const packages = packagesOf(lacking);
  const lines = lacking.map(({ program, hint }) => `  ${program}${hint === undefined ? "" : `: ${hint}`}`);
  const command =
    packages.length === 0
      ? []
      : [`On Debian or Ubuntu: sudo apt-get install --no-install-recommends ${packages.join(" ")}`];
  return ["The lab needs programs that this machine does not have:", ...lines, ...command].join("\n");
}

function packagesOf(lacking: readonly Requirement[]): string[] {
  return [...new Set(lacking.flatMap((each) => (each.package === undefined ? [] : [each.package])))].sort();
}

/**
 * Makes sure that every program is there: says at once what is missing, installs it as root where there is apt.
 * @throws SchedgateError E_MISSING that names the programs and the command to get them.
 */
export async function ensurePrograms(
  requirements: readonly Requirement[],
  log: (line: string) => void,
): Promise<void> {
  if (process.platform !== "linux") {
    throw new SchedgateError("E_MISSING", `the lab needs Linux; this is ${process.platform}`);
  }
  const lacking = missing(requirements, process.env["PATH"]);
  if (lacking.length === 0) return;
  const packages = packagesOf(lacking);
  const aptHasAll = lacking.every((each) => each.package !== undefined);
  if (!aptHasAll || process.getuid?.() !== 0 || findProgram("apt-get", process.env["PATH"]) === undefined) {
    throw new SchedgateError("E_MISSING", explain(lacking));
  }
  log(`installing what is missing with apt: ${packages.join(" ")}`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  await must("apt-get", ["-qq", "update"], { env });
  await must("apt-get", ["-qq", "install", "-y", "--no-install-recommends", ...packages], { env });
  const still = missing(requirements, process.env["PATH"]);
  if (still.length > 0) throw new SchedgateError("E_MISSING", explain(still));
}
