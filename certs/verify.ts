import { createPrivateKey, X509Certificate } from "node:crypto";
import { messageOf } from "../common/errors.ts";
import type { KeyPair } from "./issue.ts";

/** The certificates of a PEM bundle, in order. @throws where one of them cannot be read. */
export function readBundle(bundle: string): X509Certificate[] {
  const blocks = bundle.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => new X509Certificate(block));
}

/** Whether a client that trusts this bundle would accept the leaf now, as a chain of one step. */
export function isTrusted(leaf: string, bundle: string, now: Date): boolean {
  const certificate = new X509Certificate(leaf);
  return (
    isCurrent(certificate, now) &&
    readBundle(bundle).some(
      (ca) => ca.ca && isCurrent(ca, now) && certificate.checkIssued(ca) && certificate.verify(ca.publicKey),
    )
  );
}

/** Whether a certificate is in its time. */
export function isCurrent(certificate: X509Certificate, now: Date): boolean {
  return certificate.validFromDate <= now && now < certificate.validToDate;
}

/** The instant at which two thirds of a certificate's life are over: time to replace it. */
export function renewalTime(certificate: X509Certificate): Date {
  const [from, to] = [certificate.validFromDate.getTime(), certificate.validToDate.getTime()];
  return new Date(from + ((to - from) * 2) / 3);
}

/** Why this pair cannot serve as the CA from now on, or undefined where it can. */
export function whyReplaceCa(pair: KeyPair, now: Date): string | undefined {
  try {
    const certificate = new X509Certificate(pair.certificate);
    if (!certificate.ca) return "its certificate is not a CA";
    if (!certificate.checkPrivateKey(createPrivateKey(pair.key))) return "its key is not its certificate's";
    if (!isCurrent(certificate, now)) return "its certificate is not in its time";
    return now >= renewalTime(certificate) ? "two thirds of its life are over" : undefined;
  } catch (error) {
    return `it cannot be read: ${messageOf(error)}`;
  }
}
