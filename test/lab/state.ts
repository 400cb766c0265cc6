import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { codeOf, SchedgateError } from "../../common/errors.ts";
import type { NodeKind, Runtime } from "./types.ts";

/** What of a lab other processes need to find it again: `lab.json` in its state directory. */
export interface LabState {
  name: string;
  node: NodeKind;
  runtime: Runtime;
  kubernetes: string;
  /** Directory of the control plane's binaries. */
  binaries: string;
  /** Written when everything answered; absent while `up` works. */
  readySince?: string;
}

const NAME = /^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/;

/** The name of the lab to use: what was asked for, else `$SCHEDGATE_LAB`, else `lab`. */
export function labName(asked: string | undefined, env: NodeJS.ProcessEnv): string {
  const name = asked ?? env["SCHEDGATE_LAB"] ?? "lab";
  if (!NAME.test(name)) {
    throw new SchedgateError("E_NAME", `"${name}" cannot name a lab: use up to 32 of a-z, 0-9 and "-"`);
  }
  return name;
}

/** Where a lab keeps its state, certificates and logs. */
export function stateDirectory(name: string): string {
  return join(tmpdir(), `schedgate-lab-${name}`);
}

/** A JSON file's value, or undefined where there is no such file. */
export async function readJson<T>(path: string): Promise<T | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as T;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

/** Writes a JSON file whole, by rename: a reader sees the old or the new value. */
export async function writeJson(path: string, value: unknown): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.new`, `${JSON.stringify(value, undefined, 2)}\n`);
  await rename(`${path}.new`, path);
}

/** The state of a lab, or undefined where there is none. */
export function readState(stateDir: string): Promise<LabState | undefined> {
  return readJson<LabState>(join(stateDir, "lab.json"));
}

/** Records the state of a lab. */
export function writeState(stateDir: string, state: LabState): Promise<void> {
  return writeJson(join(stateDir, "lab.json"), state);
}
