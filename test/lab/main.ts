import { messageOf } from "../../common/errors.ts";
import { runCommand } from "./cli.ts";

const abort = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    abort.abort(new Error(`stopped by ${signal}`));
  });
}

try {
  process.exitCode = await runCommand(process.argv.slice(2), {
    // Standard output holds answers only; progress goes beside it.
    print: (line) => process.stdout.write(`${line}\n`),
    log: (line) => process.stderr.write(`${line}\n`),
    signal: abort.signal,
  });
} catch (error) {
  process.stderr.write(`${messageOf(abort.signal.aborted ? abort.signal.reason : error)}\n`);
  process.exitCode = 1;
}
