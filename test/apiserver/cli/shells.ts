import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { must } from "../../lab/exec.ts";

/** What a shell offers for the last word of a line, where `path` finds the program. */
export type Offer = (line: string, path: string) => Promise<string[]>;

/** The shells that have to be installed to be asked. The program's script is where its help says that it goes. */
export const shells: Record<"zsh" | "fish", Offer> = {
  zsh: (line, path) =>
    inFolder(async (folder) => {
      await writeFile(join(folder, ".zshrc"), ZSHRC);
      const env = { PATH: path, ZDOTDIR: folder, HOME: folder, TERM: "dumb" };
      await must("zsh", ["-f", "-c", TYPE, "type", line], { env, cwd: folder, timeoutMs: 60_000 });
      return lines(await readFile(join(folder, "offered"), "utf8"));
    }),
  fish: (line, path) =>
    inFolder(async (folder) => {
      const env = { PATH: path, HOME: folder, XDG_CONFIG_HOME: folder, XDG_DATA_HOME: folder };
      await mkdir(join(folder, "fish/completions"), { recursive: true });
      const ask = `schedgate completion fish > ~/fish/completions/schedgate.fish; complete -C ${JSON.stringify(line)}`;
      const answer = await must("fish", ["-c", ask], { env, cwd: folder, timeoutMs: 60_000 });
      return lines(answer).map((each) => each.split("\t")[0] ?? "");
    }),
};

/** With a folder that has one file, `pod.yaml`, and is the shell's home. */
async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "schedgate-shell-"));
  try {
    await writeFile(join(folder, "pod.yaml"), "");
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

function lines(text: string): string[] {
  return text.split("\n").filter((line) => line !== "");
}

// zsh completes on a terminal alone: one zsh types the line, a Tab and a Ctrl-X to another, and waits for its end.
const TYPE = `
zmodload zsh/zpty
zpty z zsh -d -i
zpty -r z shown '*READY*'
zpty -w -n z "$1"$'\\t\\C-x'
while zpty -r z shown; do :; done
`;

// What is offered passes through compadd; its calls with -O, -A or -D only compute. A completer after _complete is asked
// where that one found nothing.
const ZSHRC = `
PROMPT=READY
schedgate completion zsh > $ZDOTDIR/_schedgate
fpath=($ZDOTDIR $fpath)
autoload -Uz compinit
compinit -D -u
typeset -ga offered
compadd() {
  if [[ \${@[1,(i)(-|--)]} != *-(O|A|D)\\ * ]]; then
    local -a matches
    builtin compadd -A matches "$@"
    offered+=("\${matches[@]}")
  fi
  builtin compadd "$@"
}
_nothing() { offered+=("nothing fits"); return 1 }
zstyle ':completion:*' completer _complete _nothing
tell() { print -rl -- "\${offered[@]}" > $ZDOTDIR/offered; exit }
zle -N tell
bindkey '^X' tell
`;
