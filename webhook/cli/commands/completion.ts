import type { Arguments } from "../arguments.ts";
import { usageError } from "../arguments.ts";
import { HELP } from "../command.ts";
import type { Command } from "../command.ts";
import { SHELLS } from "../shells.ts";
import type { World } from "../world.ts";

/** Completion for a shell. */
export const completion: Command = {
  name: "completion",
  summary: "Prints the completion script of a shell.",
  operands: Object.keys(SHELLS).join("|"),
  maxOperands: 1,
  choices: Object.keys(SHELLS),
  details: `kubectl completes its plugin by a program named kubectl_complete-schedgate on the PATH: a link to this program.`,
  options: HELP,
  examples: [
    { what: "bash, in ~/.bashrc", args: "bash > ~/.schedgate-completion && . ~/.schedgate-completion" },
    { what: "zsh", args: 'zsh > "${fpath[1]}/_schedgate"' },
    { what: "fish", args: "fish > ~/.config/fish/completions/schedgate.fish" },
  ],
  run,
};

function run(args: Arguments, world: World): Promise<number> {
  const [shell = ""] = args.operands;
  if (!Object.hasOwn(SHELLS, shell)) throw usageError(`name a shell: ${Object.keys(SHELLS).join(", ")}`);
  world.print(SHELLS[shell] ?? "");
  return Promise.resolve(0);
}
