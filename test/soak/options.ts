import { parseArgs } from "node:util";
import { SchedgateError } from "../../common/errors.ts";
import { positive } from "../commandline.ts";
import { FAULTS } from "./faults/faults.ts";

export interface Options {
  /** Faults are begun for so long; the one that is under way then is carried to its end. */
  minutes: number;
  faults: readonly string[];
  /** A file for all figures. */
  json: string | undefined;
}

const NAMES = FAULTS.map((each) => each.name);

export const USAGE = `usage: npm run soak -- [--minutes 20] [--faults ${NAMES.join(",")}] [--json FILE]\n`;

/** @throws SchedgateError E_USAGE, or an error of parseArgs, that names the argument. */
export function readOptions(argv: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      minutes: { type: "string", default: "20" },
      faults: { type: "string", default: NAMES.join(",") },
      json: { type: "string" },
    },
  });
  const faults = values.faults.split(",");
  const unknown = faults.filter((each) => !NAMES.includes(each));
  if (unknown.length > 0) throw new SchedgateError("E_USAGE", `--faults: no "${unknown.join(", ")}"`);
  return { minutes: positive("--minutes", values.minutes), faults, json: values.json };
}
