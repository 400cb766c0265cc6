import { createPrivateKey, X509Certificate } from "node:crypto";
import { messageOf } from "../common/errors.ts";
import type { KeyPair } from "./issue.ts";

/** The certificates of a PEM bundle, in order. @throws where one of them cannot be read. */
export function readBundle(bundle: string): X509Certificate[] {
  const blocks = bundle.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => new X509Certificate(block));
}

/**
 * Whether a client that trusts this bundle would accept the leaf now. `chain` is the leaf, then the intermediates that
 * the server sends with it.
 */
export function isTrusted(chain: string, bundle: string, now: Date): boolean {
  const [leaf, ...intermediates] = readBundle(chain);
  return leaf !== undefined && isChained(leaf, intermediates, readBundle(bundle), now);
}

function isChained(
  certificate: X509Certificate,
  intermediates: readonly X509Certificate[],
  roots: readonly X509Certificate[],
  now: Date,
): boolean {
  const signed = (by: X509Certificate): boolean =>
    by.ca && isCurrent(by, now) && certificate.checkIssued(by) && certificate.verify(by.publicKey);
  if (!isCurrent(certificate, now)) return false;
  if (roots.some(signed)) return true;
  const [next, ...rest] = intermediates;
  return next !== undefined && signed(next) && isChained(next, rest, roots, now);
}

/** Whether a certificate is in its time. */
function isCurrent(certificate: X509Certificate, now: Date): boolean {
  return certificate.validFromDate <= now && now < certificate.validToDate;
}

/** The instant at which two thirds of a certificate's life are over: time to replace it. */
export function renewalTime(certificate: X509Certificate): Date {
  const [from, to] = [certificate.validFromDate.getTime(), certificate.validToDate.getTime()];
  return new Date(from + ((to - from) * 2) / 3);
}

/**
 * Why this pair cannot sign, or undefined where it can. One that begins later by this machine's clock can: it is
 * another machine's, and only the clock of the API server counts.
 */
export function whyUnusableCa(pair: KeyPair, now: Date): string | undefined {
  if (pair.certificate === "" && pair.key === "") return "there is none";
  try {
    const certificate = new X509Certificate(pair.certificate);
    if (!certificate.ca) return "its certificate is not a CA";
    if (!certificate.checkPrivateKey(createPrivateKey(pair.key))) return "its key is not its certificate's";
    return now >= certificate.validToDate ? "its time is over" : undefined;
  } catch (error) {
    return `it cannot be read: ${messageOf(error)}`;
  }
}
