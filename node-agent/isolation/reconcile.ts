import type { Clock } from "../../common/clock.ts";
import { intersection } from "../../common/cpuset.ts";
import { type HostFs } from "../host/host-fs.ts";
import type { Backend, Claim, Proof, Survey } from "./backend.ts";
import type { Before, BeforeFile } from "./before.ts";
import type { Ledger } from "./ledger.ts";
import { bootIdOf, isAlive } from "./liveness.ts";
import type { Lock } from "./lock.ts";
import { type Owner, cpusOf } from "./owner.ts";
import { type Step, applySteps } from "./step.ts";

/** Everything that isolation on one node stands on. */
export interface Isolation {
  hostFs: HostFs;
  clock: Clock;
  lock: Lock;
  ledger: Ledger;
  before: BeforeFile;
  backend: Backend;
}

/** How a reconcile ended. */
export interface Outcome {
  /** The live containers of the ledger, also those that own nothing. */
  owners: readonly Owner[];
  /** The ids of the owners whose CPUs are to be isolated. */
  claimed: readonly string[];
  proof: Proof;
  /** What needs a person: unusable entries, writes that the kernel refuses. Empty when all is well. */
  problems: readonly string[];
  /** Directories to watch, below the back-end's root. */
  watch: readonly string[];
  /** Whether anything had to be written. */
  changed: boolean;
}

const PAUSE_MS = 50;

/**
 * Brings the kernel to what the ledger says, from whatever state either is in. Takes the lock only where something
 * must change. Never throws for what the kernel refuses: that is in the outcome.
 * @param attempts passes at most, 50 ms apart where the kernel refused (EBUSY, EINVAL while a predecessor goes away).
 */
export async function reconcile(isolation: Isolation, attempts: number): Promise<Outcome> {
  const seen = look(isolation, recall(isolation, "everybody"));
  if (!seen.damaged && seen.dead.length === 0 && seen.before.size === needed(seen).size && isSettled(seen))
    return outcomeOf(seen, [], false);
  return isolation.lock(() => settle(isolation, attempts, "everybody"));
}

/** Whose processes are looked at: those of everybody in the ledger, or of those that claim CPUs. */
type Whose = "everybody" | "claimants";

/**
 * The same, for a caller that holds the lock already.
 * @param whose `claimants` for a caller that waits: who claims nothing makes no difference to the kernel.
 */
export async function settle(isolation: Isolation, attempts: number, whose: Whose): Promise<Outcome> {
  let changed = false;
  let held = recall(isolation, whose);
  for (let attempt = 1; ; attempt += 1) {
    const seen = look(isolation, held);
    if (seen.damaged) mendState(isolation, seen.before);
    for (const owner of seen.dead) isolation.ledger.remove(owner.id);
    if (isSettled(seen)) {
      isolation.before.save(needed(seen));
      return outcomeOf(seen, [], changed);
    }
    const { steps } = seen.survey;
    if (attempt > attempts) return outcomeOf(seen, steps.map(describe), changed);
    const before = withOriginals(seen);
    isolation.before.save(before);
    const failures = applySteps(isolation.hostFs, isolation.backend.root, steps);
    changed ||= steps.length > failures.length;
    if (attempt === attempts && failures.length > 0)
      return outcomeOf(look(isolation, recall(isolation, whose)), failures, changed);
    const isRefused = failures.length > 0 || steps.length === 0;
    if (isRefused) await isolation.clock.sleep(PAUSE_MS);
    held = isRefused ? recall(isolation, whose) : known(isolation, whose, seen, before);
  }
}

// Under the lock nobody else changes what is claimed; only while the kernel refuses, somebody may die meanwhile.
function known(isolation: Isolation, whose: Whose, seen: Seen, before: Before): Held {
  return seen.damaged ? recall(isolation, whose) : { ...seen, before, dead: [] };
}

/** What the state files say, and who of it lives. */
interface Held {
  owners: Owner[];
  claims: Claim[];
  dead: Owner[];
  problems: string[];
  /** Whether a state file is unusable. */
  damaged: boolean;
  before: Before;
}

/** The same, and the kernel's side of it. */
interface Seen extends Held {
  survey: Survey;
  /** Found out when it is first asked for. */
  prove: () => Proof;
}

function recall({ hostFs, ledger, before: file, backend }: Isolation, whose: Whose): Held {
  const { owners: all, problems, unusable } = ledger.read();
  const bootId = bootIdOf(hostFs);
  const counts = (owner: Owner): boolean => whose === "everybody" || owner.cpus !== "";
  const owners = all.filter((owner) => !counts(owner) || isAlive(hostFs, owner, bootId));
  const { claims, superseded } = claimsOf(owners);
  const kept = file.read();
  return {
    owners,
    claims,
    dead: all.filter((owner) => !owners.includes(owner)),
    problems: [...problems, file.problem() ?? [], superseded].flat(),
    damaged: unusable.length > 0 || kept === undefined,
    before: kept ?? backend.assumeBefore(all.map(({ cgroup }) => cgroup)),
  };
}

function look({ backend }: Isolation, held: Held): Seen {
  const survey = backend.survey(held.claims, held.before);
  let proof: Proof | undefined;
  return { ...held, survey, prove: () => (proof ??= survey.prove()) };
}

// The file of what was before stays until it is replaced: without one, what we changed would be taken for what was.
function mendState({ ledger, before: file }: Isolation, before: Before): void {
  ledger.setAside();
  if (file.read() !== undefined) return;
  file.setAside();
  file.save(before);
}

/**
 * What the live owners claim. CPUs belong to whom the kubelet gave them last: an older container that still runs on
 * them, such as one whose shim died, claims nothing and is named. Older by the kernel's ticks since boot: live owners
 * are all of this boot, and the wall clock may step back.
 */
export function claimsOf(owners: readonly Owner[]): { claims: Claim[]; superseded: string[] } {
  const claims: Claim[] = [];
  const superseded: string[] = [];
  const newestFirst = owners
    .filter(({ cpus }) => cpus !== "")
    .sort((a, b) => Number(b.pidStartTime) - Number(a.pidStartTime));
  for (const owner of newestFirst) {
    const cpus = cpusOf(owner);
    const newer = claims.find((claim) => intersection(claim.cpus, cpus).length > 0);
    if (newer === undefined) claims.push({ id: owner.id, cgroup: owner.cgroup, cpus });
    else
      superseded.push(`container ${owner.id} still runs on CPUs ${owner.cpus}, which are ${newer.id}'s now`);
  }
  return { claims, superseded };
}

function isSettled(seen: Seen): boolean {
  return seen.survey.steps.length === 0 && seen.prove().missing.length === 0;
}

// An entry is over once its file is as it was, or gone with its cgroup.
function needed({ before, survey }: Seen): Before {
  return new Map(
    [...before].filter(([file, text]) => ![undefined, text].includes(survey.contents.get(file))),
  );
}

function withOriginals({ before, survey }: Seen): Before {
  const all = new Map(before);
  for (const step of survey.steps) {
    if (step.do !== "write" || step.own === true || all.has(step.file)) continue;
    all.set(step.file, survey.contents.get(step.file) ?? "");
  }
  return all;
}

function outcomeOf(seen: Seen, failures: readonly string[], changed: boolean): Outcome {
  const { owners, claims, survey, prove } = seen;
  return {
    owners,
    claimed: claims.map(({ id }) => id),
    proof: prove(),
    problems: [...seen.problems, ...failures],
    watch: survey.watch,
    changed,
  };
}

function describe(step: Step): string {
  return step.do === "write"
    ? `${step.file} does not keep "${step.text.trim()}"`
    : `${step.do} ${step.dir} has no effect`;
}
