// npm run bench:admission: what admission costs, beside what else could do it, on one API server (docs/benchmarks.md).
import { writeFile } from "node:fs/promises";
import { messageOf } from "../../../common/errors.ts";
import { bench } from "./bench.ts";
import { readOptions, USAGE } from "./options.ts";
import type { Options } from "./options.ts";
import { markdown, plain } from "./report.ts";

function optionsOrExit(): Options {
  try {
    return readOptions(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n${USAGE}`);
    process.exit(2);
  }
}

const options = optionsOrExit();
const log = (line: string): void => {
  process.stderr.write(`${line}\n`);
};
const { report, figures } = await bench(options, log);
if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify(figures, undefined, 2)}\n`);
if (options.markdown !== undefined) await writeFile(options.markdown, report(markdown));
process.stdout.write(report(plain));
