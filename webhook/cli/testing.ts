import type { Clock } from "../../common/clock.ts";
import { SchedgateError } from "../../common/errors.ts";
import type { KubeApi } from "../../common/kube/port.ts";
import { runProgram } from "./program.ts";
import type { World } from "./world.ts";

/** For the tests of this folder: the program without a machine. */

export const now = new Date("2026-06-01T00:00:00Z");
const clock: Clock = { now: () => now, sleep: () => Promise.resolve() };

/** What one call left behind. */
export interface Called {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs a command line; `files` is all that there is to read, `api` the cluster, where there is one. */
export async function call(
  argv: readonly string[],
  { files = {}, api }: { files?: Readonly<Record<string, string>>; api?: KubeApi } = {},
): Promise<Called> {
  const [out, err]: [string[], string[]] = [[], []];
  const world: World = {
    program: "schedgate",
    version: "1.2.3",
    clock,
    print: (text) => out.push(`${text}\n`),
    complain: (line) => err.push(`${line}\n`),
    read(file) {
      const text = files[file];
      if (text !== undefined) return Promise.resolve(text);
      return Promise.reject(new SchedgateError("E_FILE", `cannot read ${file}: no such file`));
    },
    connect() {
      if (api !== undefined) return Promise.resolve({ api, namespace: "trading" });
      return Promise.reject(new SchedgateError("E_KUBECONFIG", "no kubeconfig"));
    },
  };
  const code = await runProgram(argv, world);
  return { code, stdout: out.join(""), stderr: err.join("") };
}
