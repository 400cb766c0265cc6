import type { Command, Option } from "./command.ts";

/** cobra's words for what a shell may add itself, which kubectl knows too: files, or nothing. */
const FILES = ":0";
const NO_FILES = ":4";

interface Candidate {
  word: string;
  help: string;
}

/** The lines of `__complete`: the candidates for the last of the words, then what the shell may add. */
export function completions(commands: readonly Command[], words: readonly string[]): string[] {
  const current = words.at(-1) ?? "";
  const [name, ...between] = words.slice(0, -1);
  const { candidates, files } =
    name === undefined
      ? { candidates: commands.map((each) => ({ word: each.name, help: each.summary })), files: false }
      : inCommand(
          commands.find((each) => each.name === name),
          between,
          current,
        );
  const fitting = candidates.filter((each) => each.word.startsWith(current));
  return [...fitting.map(({ word, help }) => `${word}\t${help}`), files ? FILES : NO_FILES];
}

function inCommand(
  command: Command | undefined,
  between: readonly string[],
  current: string,
): { candidates: Candidate[]; files: boolean } {
  if (command === undefined) return { candidates: [], files: false };
  const open = optionNamed(command, between.at(-1));
  if (open?.type === "string") return { candidates: plain(open.choices), files: open.files === true };
  if (current.startsWith("-")) {
    const options = Object.entries(command.options).map(([long, { help }]) => ({ word: `--${long}`, help }));
    return { candidates: options, files: false };
  }
  const latest = optionNamed(
    command,
    between.findLast((each) => each.startsWith("-")),
  );
  return { candidates: plain(command.choices), files: latest?.files === true };
}

function optionNamed({ options }: Command, word: string | undefined): Option | undefined {
  return Object.entries(options).find(
    ([long, { short }]) => word === `--${long}` || (short !== undefined && word === `-${short}`),
  )?.[1];
}

function plain(words: readonly string[] = []): Candidate[] {
  return words.map((word) => ({ word, help: "" }));
}
