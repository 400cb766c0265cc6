/** Something of which there is so much for all clients, and so much for each address, that no one of them keeps it from the others. */
export class Shares {
  readonly #all: number;
  readonly #each: number;
  readonly #held = new Map<string, number>();
  #total = 0;

  constructor({ all, each }: { all: number; each: number }) {
    this.#all = all;
    this.#each = each;
  }

  /** Takes some for an address; false where there is not so much left. */
  take(address: string, amount: number): boolean {
    const own = (this.#held.get(address) ?? 0) + amount;
    if (this.#total + amount > this.#all || own > this.#each) return false;
    this.#total += amount;
    this.#held.set(address, own);
    return true;
  }

  /** Gives back what was taken. */
  giveBack(address: string, amount: number): void {
    const left = (this.#held.get(address) ?? 0) - amount;
    this.#total -= amount;
    if (left > 0) this.#held.set(address, left);
    else this.#held.delete(address);
  }
}
