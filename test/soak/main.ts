// npm run soak: pods are created all the time while everything goes wrong that may (docs/soak.md).
import { writeFile } from "node:fs/promises";
import { messageOf } from "../../common/errors.ts";
import { readOptions, USAGE } from "./options.ts";
import type { Options } from "./options.ts";
import { breaches, report } from "./report.ts";
import { soak } from "./soak.ts";

function optionsOrExit(): Options {
  try {
    return readOptions(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n${USAGE}`);
    process.exit(2);
  }
}

const options = optionsOrExit();
const phases = await soak(options, (line) => process.stderr.write(`${line}\n`));
if (options.json !== undefined) await writeFile(options.json, `${JSON.stringify(phases, undefined, 2)}\n`);
process.stdout.write(report(phases));
process.exitCode = breaches(phases).length === 0 ? 0 : 1;
