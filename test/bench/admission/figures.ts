/** What one contender did under one workload at one concurrency, over all rounds. */
export interface Cell {
  /** Milliseconds. */
  latencies: number[];
  seconds: number;
}

/** The value below which `share` (0 to 1) of the values lie; NaN where there is none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
}

export function p50(cell: Cell): number {
  return quantile(cell.latencies, 0.5);
}

export function p99(cell: Cell): number {
  return quantile(cell.latencies, 0.99);
}

/** Requests a second. */
export function rate(cell: Cell): number {
  return cell.latencies.length / cell.seconds;
}
