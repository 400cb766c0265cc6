// npm run bench:admission: what admission costs, beside what else could do it, on one API server (docs/benchmarks.md).
import { writeFile } from "node:fs/promises";
import { optionsOrExit } from "../../commandline.ts";
import { bench } from "./bench.ts";
import { readOptions, USAGE } from "./options.ts";
import { markdown, plain } from "./report.ts";

const options = optionsOrExit(readOptions, USAGE);
const log = (line: string): void => {
  process.stderr.write(`${line}\n`);
};
const { report, figures } = await bench(options, log);
if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify(figures, undefined, 2)}\n`);
if (options.markdown !== undefined) await writeFile(options.markdown, report(markdown));
process.stdout.write(report(plain));
