import { messageOf } from "../../common/errors.ts";
import { parseArguments, usageError } from "./arguments.ts";
import type { Command } from "./command.ts";
import { check } from "./commands/check.ts";
import { completion } from "./commands/completion.ts";
import { explain } from "./commands/explain.ts";
import { grant } from "./commands/grant.ts";
import { status } from "./commands/status.ts";
import { completions } from "./complete.ts";
import { commandHelp, programHelp } from "./help.ts";
import type { World } from "./world.ts";

const COMMANDS: readonly Command[] = [check, grant, status, explain, completion];

/** Runs one command line. Returns the exit code: 2 where it could not be done, with one line on stderr that says why. */
export async function runProgram(argv: readonly string[], world: World): Promise<number> {
  const [first, ...rest] = argv;
  const command = COMMANDS.find((each) => each.name === first);
  try {
    if (command !== undefined) return await runCommand(command, rest, world);
    return runGlobal(first, rest, world);
  } catch (error) {
    const name = command === undefined ? world.program : `${world.program} ${command.name}`;
    const advice = isUsage(error) ? ` (see ${name} --help)` : "";
    world.complain(`${name}: ${messageOf(error).replaceAll(/\s*\n\s*/g, " ")}${advice}`);
    return 2;
  }
}

async function runCommand(command: Command, argv: readonly string[], world: World): Promise<number> {
  const args = parseArguments(command, argv);
  if (!args.has("help")) return command.run(args, world);
  world.print(commandHelp(world.program, command));
  return 0;
}

function runGlobal(first: string | undefined, rest: readonly string[], world: World): number {
  if (first === "__complete") {
    world.print(completions(COMMANDS, rest).join("\n"));
  } else if (first === "--version") {
    world.print(`schedgate ${world.version}`);
  } else if (first === "--help" || first === "-h" || first === "help") {
    const asked = COMMANDS.find((each) => each.name === rest[0]);
    world.print(
      asked === undefined ? programHelp(world.program, COMMANDS) : commandHelp(world.program, asked),
    );
  } else {
    const known = COMMANDS.map((each) => each.name).join(", ");
    throw usageError(
      first === undefined ? `name a command: ${known}` : `no command "${first}"; there are ${known}`,
    );
  }
  return 0;
}

function isUsage(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "E_USAGE";
}
