/** Items between two turns: a few milliseconds of work, where each is a pod or a grant to judge. */
const BATCH = 50;

/** These items, one after the other, with a `pause` now and then, in which admission and others have their turn. */
export async function* inTurns<T>(items: Iterable<T>, pause: () => Promise<void>): AsyncGenerator<T> {
  let taken = 0;
  for (const item of items) {
    taken += 1;
    if (taken % BATCH === 0) await pause();
    yield item;
  }
}
