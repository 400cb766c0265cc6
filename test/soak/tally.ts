import { loadavg } from "node:os";
import type { Kind } from "./kinds.ts";

/** What became of the pods of one kind while one fault went on. */
export interface Count {
  /** Pods that were made; of those without right, pods that were refused. */
  done: number;
  /** Calls that the webhook's side failed, by reason: each was tried again, as a controller does. */
  failed: Record<string, number>;
  /** Refusals that told the client to try again, as client-go does by itself (503 with `Retry-After`). */
  again: number;
  /** Calls that the API server itself did not take or answer. They say nothing about the webhook. */
  unanswered: number;
  /** Pods that were never made, or made without right, by reason. */
  wrong: Record<string, number>;
}

/** What happened while one fault went on. */
export interface Phase {
  fault: string;
  /** How often it happened. */
  times: number;
  seconds: number;
  kinds: Record<Kind, Count>;
  notes: string[];
  /** Why not everything was as before in the end. */
  broken?: string;
  /** The machine's load (processes that run or wait, over a minute) when it ended. */
  load: number;
}

/** Counts what becomes of pods, by the fault that goes on. */
export class Tally {
  readonly phases: Phase[] = [];
  #began = Date.now();

  constructor() {
    this.begin("none");
  }

  get current(): Phase {
    const phase = this.phases.at(-1);
    if (phase === undefined) throw new Error("a tally begins with a phase");
    return phase;
  }

  /** From now on everything counts for this fault. */
  begin(fault: string): Phase {
    this.#close();
    this.#began = Date.now();
    const count = (): Count => ({ done: 0, failed: {}, again: 0, unanswered: 0, wrong: {} });
    const kinds = {
      granted: count(),
      asking: count(),
      limited: count(),
      ordinary: count(),
      unentitled: count(),
    };
    this.phases.push({ fault, times: 1, seconds: 0, kinds, notes: [], load: 0 });
    return this.current;
  }

  /** The phases, the last one ended now. */
  end(): Phase[] {
    this.#close();
    return this.phases;
  }

  #close(): void {
    const last = this.phases.at(-1);
    if (last === undefined) return;
    last.seconds = (Date.now() - this.#began) / 1000;
    last.load = loadavg()[0] ?? 0;
  }
}

/** One more for this reason. */
export function note(counts: Record<string, number>, reason: string): void {
  counts[reason] = (counts[reason] ?? 0) + 1;
}

/** How many there are for all reasons. */
export function sum(counts: Record<string, number>): number {
  return Object.values(counts).reduce((total, each) => total + each, 0);
}
