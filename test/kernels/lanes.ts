/** Works on each name in their order, on so many at once; the outcome of each, as soon as it is there. */
export function inLanes<N, T>(
  names: readonly N[],
  lanes: number,
  work: (name: N) => Promise<T>,
): ReadonlyMap<N, Promise<T>> {
  const jobs = names.map((name) => {
    let begin = (): void => undefined;
    const turn = new Promise<void>((resolve) => {
      begin = resolve;
    });
    return { name, begin, outcome: turn.then(() => work(name)) };
  });
  const waiting = [...jobs];
  const lane = async (): Promise<void> => {
    for (let job = waiting.shift(); job !== undefined; job = waiting.shift()) {
      job.begin();
      await job.outcome.catch(() => undefined); // whoever waits for this name gets it
    }
  };
  for (let index = 0; index < lanes; index += 1) void lane();
  return new Map(jobs.map(({ name, outcome }) => [name, outcome]));
}
