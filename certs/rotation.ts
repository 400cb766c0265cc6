import { X509Certificate } from "node:crypto";
import { issueCa, LEAF_LIFE_MS } from "./issue.ts";
import type { KeyPair } from "./issue.ts";
import { readBundle, renewalTime, whyUnusableCa } from "./verify.ts";

/** What the Secret holds: the CA that signs, the one that will, and every CA that clients should trust, PEM. */
export interface Held {
  signing: KeyPair;
  /** Both parts empty where there is none. */
  next: KeyPair;
  bundle: string;
  /** Until when CAs that sign no more stay trusted; undefined where there are none. */
  oldUntil: Date | undefined;
}

export interface Circumstances {
  now: Date;
  /** An admin asked for a rotation. */
  asked: boolean;
  /** Whether both live configurations have trusted this CA long enough for every API server to know it. */
  isKnown: (certificate: string) => boolean;
  /** What this replica last read, and what clients trust: neither is forgotten should the Secret be emptied. */
  last: Held | undefined;
  trusted: string;
}

const NO_PAIR: KeyPair = { certificate: "", key: "" };

/** No leaf lives longer; and a day, for clocks that differ. */
const OLD_TRUST_MS = LEAF_LIFE_MS + 24 * 3_600_000;

/** CAs that are trusted at the same time, at most; more rotations wait until old ones leave. */
const MAX_TRUSTED = 8;

/**
 * What the Secret should hold instead, and why; undefined where it is right. A rotation takes two steps: the next CA
 * is made, and trusted, long before (after half of a life); only then it signs (after two thirds, and known to all).
 * So whoever starts at any moment signs by a CA that clients trust already. A CA that can't be used is replaced at once.
 */
export function rotate(held: Held, now: Circumstances): { held: Held; reason: string } | undefined {
  const broken = whyUnusableCa(held.signing, now.now);
  if (broken !== undefined) return replaceBroken(held, now, broken);
  const step = nextStep(held, now);
  if (step !== undefined) return step;
  // What the bundle lost is known to this replica, and to the live configurations.
  const whole = holds(held.bundle, held.signing.certificate) ? held : withKnown(held, now);
  const settled = settle(whole, now, "the bundle was not complete, or held a CA whose time is over");
  const same =
    settled.held.bundle === held.bundle && settled.held.oldUntil?.getTime() === held.oldUntil?.getTime();
  return same ? undefined : settled;
}

/** The next CA made, or put to sign, where that is due. */
function nextStep(held: Held, now: Circumstances): { held: Held; reason: string } | undefined {
  const reason = now.asked ? "an admin asked for a rotation" : undefined;
  if (held.next.certificate === "") {
    if (readable(held.bundle).length >= MAX_TRUSTED) return undefined;
    const due = reason ?? dueAt(held.signing, now.now, halfTime, "half");
    return due === undefined
      ? undefined
      : settle({ ...held, next: issueCa(now.now) }, now, `the next CA: ${due}`);
  }
  const broken = whyUnusableCa(held.next, now.now);
  if (broken !== undefined) return settle({ ...held, next: NO_PAIR }, now, `the next CA: ${broken}`);
  const due = reason ?? dueAt(held.signing, now.now, renewalTime, "two thirds");
  return due !== undefined && now.isKnown(held.next.certificate) ? promote(held, now, due) : undefined;
}

/** The one that is ready, the one this replica knew, or, where nothing is left, a new one. */
function replaceBroken(before: Held, now: Circumstances, broken: string): { held: Held; reason: string } {
  const held = withKnown(before, now);
  const { last } = now;
  if (whyUnusableCa(held.next, now.now) === undefined) return promote(held, now, broken);
  if (last !== undefined && whyUnusableCa(last.signing, now.now) === undefined)
    return settle({ ...last, bundle: held.bundle }, now, `${broken}; put back what was known`);
  return retire({ ...held, signing: issueCa(now.now), next: NO_PAIR }, held, now, broken);
}

function withKnown(held: Held, { last, trusted }: Circumstances): Held {
  const bundles = [held.bundle, last?.bundle ?? "", trusted].filter((each) => readable(each).length > 0);
  return { ...held, bundle: bundles.join("") };
}

function promote(held: Held, now: Circumstances, reason: string): { held: Held; reason: string } {
  return retire({ ...held, signing: held.next, next: NO_PAIR }, held, now, reason);
}

/** The one that signed until now stays trusted until each of its leaves is over. */
function retire(
  next: Held,
  before: Held,
  now: Circumstances,
  reason: string,
): { held: Held; reason: string } {
  const oldUntil = new Date(now.now.getTime() + OLD_TRUST_MS);
  const signer = readable(before.signing.certificate).map((each) => each.toString());
  return settle({ ...next, oldUntil, bundle: [...signer, before.bundle].join("") }, now, reason);
}

/** The bundle that belongs to the pairs: they first, then the old ones still to be trusted, newest first. */
function settle(held: Held, now: Circumstances, reason: string): { held: Held; reason: string } {
  const pairs = [held.signing.certificate, held.next.certificate].map((each) => each.trim());
  const others = readable(held.bundle)
    .filter((each) => each.ca && each.validToDate > now.now)
    .map((each) => each.toString().trim())
    .filter((each) => !pairs.includes(each));
  const oldUntil = held.oldUntil ?? new Date(now.now.getTime() + OLD_TRUST_MS);
  const old = now.now < oldUntil ? others : [];
  const all = new Set([...pairs, ...old].filter((each) => each !== ""));
  const bundle = [...all]
    .slice(0, MAX_TRUSTED)
    .map((each) => `${each}\n`)
    .join("");
  return { held: { ...held, bundle, oldUntil: old.length > 0 ? oldUntil : undefined }, reason };
}

/**
 * The bundle for a CA that somebody else keeps: what clients trust now, without what is over, and that CA. The one before
 * stays: not every replica has the new certificate at the same moment. The same text where nothing is to be changed.
 */
export function trustToo(bundle: string, ca: string, now: Date): string {
  const all = readable(bundle);
  const useful = all
    .filter((each) => each.ca && each.validToDate > now)
    .map((each) => each.toString().trim());
  const added = readable(ca)
    .map((each) => each.toString().trim())
    .filter((each) => !useful.includes(each));
  if (added.length === 0 && useful.length === all.length && all.length > 0) return bundle;
  return [...added, ...useful]
    .slice(0, MAX_TRUSTED)
    .map((each) => `${each}\n`)
    .join("");
}

/** Whether a CA is in a bundle. */
export function holds(bundle: string, certificate: string): boolean {
  return readable(bundle).some((each) => each.toString().trim() === certificate.trim());
}

function dueAt(
  pair: KeyPair,
  now: Date,
  at: (certificate: X509Certificate) => Date,
  part: string,
): string | undefined {
  return now >= at(new X509Certificate(pair.certificate))
    ? `${part} of its signer's life is over`
    : undefined;
}

function halfTime({ validFromDate, validToDate }: X509Certificate): Date {
  return new Date((validFromDate.getTime() + validToDate.getTime()) / 2);
}

/** A damaged bundle must keep nobody from a CA: where one of it can't be read, all of it is left out. */
function readable(bundle: string): X509Certificate[] {
  try {
    return readBundle(bundle);
  } catch (error) {
    if (error instanceof Error) return [];
    throw error;
  }
}
