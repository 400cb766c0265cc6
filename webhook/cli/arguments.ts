import { parseArgs } from "node:util";
import { messageOf, SchedgateError } from "../../common/errors.ts";
import type { Command } from "./command.ts";

/** The arguments of one call of a command. */
export class Arguments {
  readonly #values = new Map<string, string[]>();
  readonly operands: string[] = [];

  /** Adds a value of an option; a flag's value is empty. */
  add(option: string, value: string): void {
    this.#values.set(option, [...this.all(option), value]);
  }

  /** Whether the option is given. */
  has(option: string): boolean {
    return this.#values.has(option);
  }

  /** All values of an option, in the order given. */
  all(option: string): readonly string[] {
    return this.#values.get(option) ?? [];
  }

  /** The last value of an option. */
  get(option: string): string | undefined {
    return this.all(option).at(-1);
  }

  /** The last value of an option that must be there. @throws SchedgateError E_USAGE */
  need(option: string): string {
    const value = this.get(option);
    if (value === undefined) throw usageError(`--${option} is missing`);
    return value;
  }

  /** A whole number from 0 on. @throws SchedgateError E_USAGE */
  number(option: string): number | undefined {
    const value = this.get(option);
    if (value === undefined || /^\d{1,7}$/.test(value))
      return value === undefined ? undefined : Number(value);
    throw usageError(`--${option} must be a whole number from 0 to 9999999, not "${value}"`);
  }
}

/** An error of the person's, not of what was read. */
export function usageError(message: string): SchedgateError {
  return new SchedgateError("E_USAGE", message);
}

/** Reads the arguments of a command. @throws SchedgateError E_USAGE that names the one that is wrong. */
export function parseArguments(command: Command, argv: readonly string[]): Arguments {
  const args = new Arguments();
  let filesOf: string | undefined;
  for (const token of tokensOf(command, argv)) {
    if (token.kind === "option") {
      const option = command.options[token.name];
      checkChoice(token.name, option?.choices, token.value);
      args.add(token.name, token.value ?? "");
      filesOf = option?.files === true ? token.name : undefined;
    } else if (token.kind === "positional") {
      if (filesOf === undefined) args.operands.push(token.value);
      else args.add(filesOf, token.value);
    } else {
      filesOf = undefined;
    }
  }
  const [surplus] = args.operands.slice(command.maxOperands);
  if (surplus !== undefined) throw usageError(`"${surplus}" is too much`);
  return args;
}

function tokensOf({ options }: Command, argv: readonly string[]) {
  const known = Object.entries(options).map(([name, { type, short }]) => [
    name,
    { type, multiple: true, ...(short !== undefined && { short }) },
  ]);
  try {
    return parseArgs({
      args: [...argv],
      options: Object.fromEntries(known) as Record<string, { type: "string" | "boolean" }>,
      allowPositionals: true,
      tokens: true,
    }).tokens;
  } catch (error) {
    // Node's advice after the first sentence is about "--", which helps nobody here.
    const [first = ""] = messageOf(error).split(/\. |\n/);
    throw new SchedgateError(
      "E_USAGE",
      first.replace(/^(?=[A-Z][a-z])./, (c) => c.toLowerCase()),
      {
        cause: error,
      },
    );
  }
}

function checkChoice(name: string, choices: readonly string[] | undefined, value: string | undefined): void {
  if (choices === undefined || (value !== undefined && choices.includes(value))) return;
  throw usageError(`--${name} ${value ?? ""}: use one of ${choices.join(", ")}`);
}
