import type { Command, Option } from "./command.ts";
import { table } from "./table.ts";

/** The help of the whole program. */
export function programHelp(program: string, commands: readonly Command[]): string {
  const list = table(commands.map(({ name, summary }) => [`  ${name}`, summary]));
  return `Says which pods may use what schedgate protects, and shows what it does.

Usage: ${program} COMMAND [OPTIONS]

Commands:
${list}

Options:
  -h, --help    show this text, or that of a command
  --version     show the version

More: ${program} COMMAND --help`;
}

/** The help of one command. */
export function commandHelp(program: string, command: Command): string {
  const { name, summary, operands, details, options, examples } = command;
  const usage = [program, name, operands, "[OPTIONS]"].filter((each) => each !== "").join(" ");
  const rows = Object.entries(options).map(([long, option]) => [
    `  ${form(long, option)}`,
    explained(option),
  ]);
  return [
    summary,
    `Usage: ${usage}`,
    ...(details === undefined ? [] : [details]),
    `Options:\n${table(rows)}`,
    `Examples:\n${examples
      .map(({ what, from, args }) => {
        const line = [program, name, args].filter((each) => each !== "").join(" ");
        return `  # ${what}\n  ${from === undefined ? "" : `${from} | `}${line}`;
      })
      .join("\n")}`,
  ].join("\n\n");
}

function form(long: string, { short, value }: Option): string {
  const names = short === undefined ? `--${long}` : `-${short}, --${long}`;
  return value === undefined ? names : `${names} ${value}`;
}

function explained({ help, choices }: Option): string {
  return choices === undefined ? help : `${help}: ${choices.join(" or ")}`;
}
