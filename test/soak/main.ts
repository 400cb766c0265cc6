// npm run soak: pods are created all the time while everything goes wrong that may (docs/soak.md).
import { writeFile } from "node:fs/promises";
import { optionsOrExit } from "../commandline.ts";
import { readOptions, USAGE } from "./options.ts";
import { breaches, report } from "./report.ts";
import { soak } from "./soak.ts";

const options = optionsOrExit(readOptions, USAGE);
const phases = await soak(options, (line) => process.stderr.write(`${line}\n`));
if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify(phases, undefined, 2)}\n`);
process.stdout.write(report(phases));
// Left to end by itself, Node waits in its clean-up for requests of sockets that were cut while halted: it spins in uv_run for ever.
process.exit(breaches(phases).length === 0 ? 0 : 1);
