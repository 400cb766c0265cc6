/** Asks every 250 ms until `probe` gives a value; fails with what it last saw after `seconds`. */
export async function until<T>(
  what: string,
  seconds: number,
  probe: () => Promise<{ value: T } | { not: string }>,
): Promise<T> {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const seen = await probe();
    if ("value" in seen) return seen.value;
    if (Date.now() > deadline) throw new Error(`${what}: not within ${seconds} s; last seen: ${seen.not}`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}
