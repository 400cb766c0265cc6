import { createPrivateKey, generateKeyPairSync, X509Certificate } from "node:crypto";
import type { KeyObject } from "node:crypto";
import { makeCertificate } from "./x509.ts";
import type { AltName } from "./x509.ts";

/** A certificate and its private key (PKCS #8), both PEM. */
export interface KeyPair {
  certificate: string;
  key: string;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Five years; replaced after two thirds of it. */
export const CA_LIFE_MS = 5 * 365 * DAY_MS;

/** A week, in memory only; renewed after two thirds of it. Never more: old CAs stay trusted for so long. */
export const LEAF_LIFE_MS = 7 * DAY_MS;

/** Clocks differ: a certificate is already valid for a machine that is up to an hour behind. */
const BACKDATE_MS = HOUR_MS;

/** A new self-signed CA. Each has its own subject, so that two of them in one bundle are never confused. */
export function issueCa(now: Date): KeyPair {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const subject = `schedgate-webhook-ca ${now.toISOString()}`;
  const certificate = makeCertificate({
    subject,
    issuer: subject,
    notBefore: new Date(now.getTime() - BACKDATE_MS),
    notAfter: new Date(now.getTime() + CA_LIFE_MS),
    publicKey,
    signingKey: privateKey,
    use: "ca",
  });
  return { certificate, key: pem(privateKey) };
}

/** A new serving certificate under these names, for `lifeMs` milliseconds from now; it never outlives its CA. */
export function issueLeaf(ca: KeyPair, names: readonly AltName[], now: Date, lifeMs = LEAF_LIFE_MS): KeyPair {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const issuer = new X509Certificate(ca.certificate);
  const end = Math.min(now.getTime() + lifeMs, issuer.validToDate.getTime());
  const certificate = makeCertificate({
    subject: "schedgate-webhook",
    issuer: issuer.subject.replace(/^CN=/, ""),
    notBefore: new Date(now.getTime() - BACKDATE_MS),
    notAfter: new Date(end),
    publicKey,
    signingKey: createPrivateKey(ca.key),
    use: { names },
  });
  return { certificate, key: pem(privateKey) };
}

function pem(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}
