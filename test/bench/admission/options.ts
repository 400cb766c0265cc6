import { parseArgs } from "node:util";
import { SchedgateError } from "../../../common/errors.ts";
import { positive } from "../../commandline.ts";

const CONTENDERS = [
  "none",
  "echo",
  "echo2",
  "floor",
  "schedgate",
  "schedgate+backstop",
  "vap+map",
  "kyverno-cel",
  "kyverno-policies",
] as const;

export interface Options {
  rounds: number;
  /** Of load, for each contender and workload in each round. */
  seconds: number;
  contenders: readonly string[];
  /** Whether to measure with many grants, classes and pods instead. */
  scale: boolean;
  /** Pods in the cluster, for `scale`. */
  pods: number;
  /** A file for all figures. */
  json: string | undefined;
  /** A file for the report in Markdown, as docs/benchmarks.md shows it. */
  markdown: string | undefined;
  /** A folder for CPU profiles of the webhook. */
  cpuProfile: string | undefined;
}

export const USAGE = `usage: npm run bench:admission -- [--rounds 5] [--seconds 8] [--contenders ${CONTENDERS.join(",")}]
       [--json FILE] [--markdown FILE] [--cpu-profile FOLDER]
       npm run bench:admission -- --scale [--pods 50000] [--json FILE] [--markdown FILE]
`;

/** @throws SchedgateError E_USAGE, or an error of parseArgs, that names the argument. */
export function readOptions(argv: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      rounds: { type: "string", default: "5" },
      seconds: { type: "string", default: "8" },
      contenders: { type: "string", default: CONTENDERS.join(",") },
      scale: { type: "boolean", default: false },
      pods: { type: "string", default: "50000" },
      json: { type: "string" },
      markdown: { type: "string" },
      "cpu-profile": { type: "string" },
    },
  });
  const contenders = values.contenders.split(",");
  const unknown = contenders.filter((each) => !CONTENDERS.some((known) => known === each));
  if (contenders.includes("schedgate+backstop") && !contenders.includes("schedgate"))
    throw new SchedgateError("E_USAGE", "--contenders: schedgate+backstop takes its webhook from schedgate");
  if (unknown.length > 0) throw new SchedgateError("E_USAGE", `--contenders: no "${unknown.join(", ")}"`);
  return {
    rounds: positive("--rounds", values.rounds),
    seconds: positive("--seconds", values.seconds),
    contenders,
    scale: values.scale,
    pods: positive("--pods", values.pods),
    json: values.json,
    markdown: values.markdown,
    cpuProfile: values["cpu-profile"],
  };
}
