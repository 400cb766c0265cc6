/** Prints the demo as a person reads it: numbered steps, commands, what was observed, and how long it took. */
export class Report {
  readonly #started = Date.now();
  readonly #write: (text: string) => void;
  #step = 0;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  /** Begins a numbered step. */
  step(title: string): void {
    this.#step += 1;
    this.#write(`\n${this.#step}. ${title}\n`);
  }

  /** A command that a user would type. */
  command(line: string): void {
    this.#write(`   $ ${line}\n`);
  }

  /** Text as the user would see it, indented below its command. */
  quote(text: string): void {
    for (const line of text.trimEnd().split("\n")) this.#write(`     ${line}\n`);
  }

  /** Something that was seen to hold. Call it only after the observation. */
  holds(what: string): void {
    this.#write(`   ok  ${what}\n`);
  }

  /** A line of progress or explanation. */
  note(text: string): void {
    this.#write(`   ${text}\n`);
  }

  /** The last line. */
  end(outcome: string): void {
    this.#write(`\n${outcome} (${((Date.now() - this.#started) / 1000).toFixed(0)} s)\n`);
  }
}
