import { messageOf, SchedgateError } from "../common/errors.ts";

/** The options of this program's command line; where they cannot be read it ends with code 2, saying why and how. */
export function optionsOrExit<T>(read: (argv: readonly string[]) => T, usage: string): T {
  try {
    return read(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n${usage}`);
    process.exit(2);
  }
}

/** A number above 0. @throws SchedgateError E_USAGE that names the flag. */
export function positive(flag: string, text: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  throw new SchedgateError("E_USAGE", `${flag} ${text}: not a number above 0`);
}
