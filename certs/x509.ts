import { createHash, createPublicKey, randomBytes, sign } from "node:crypto";
import type { KeyObject } from "node:crypto";
import type forge from "node-forge";
import asn1 from "node-forge/lib/asn1.js";
import util from "node-forge/lib/util.js";

const OID = {
  ecdsaWithSha256: "1.2.840.10045.4.3.2",
  commonName: "2.5.4.3",
  subjectKeyIdentifier: "2.5.29.14",
  keyUsage: "2.5.29.15",
  subjectAltName: "2.5.29.17",
  basicConstraints: "2.5.29.19",
  authorityKeyIdentifier: "2.5.29.35",
  extKeyUsage: "2.5.29.37",
  serverAuth: "1.3.6.1.5.5.7.3.1",
};

/** A name that a client may ask for: a DNS name or an IPv4 address. */
export type AltName = { dns: string } | { ip: string };

export interface CertificateRequest {
  subject: string;
  issuer: string;
  notBefore: Date;
  notAfter: Date;
  /** P-256. */
  publicKey: KeyObject;
  /** P-256, of the issuer. */
  signingKey: KeyObject;
  /** A CA signs leaves and nothing else; a leaf serves under its names. */
  use: "ca" | { names: readonly AltName[] };
}

/**
 * Makes an X.509 v3 certificate, signed with ECDSA over P-256 and SHA-256, as PEM (RFC 5280).
 * Node signs but has no API that builds a certificate, and forge builds ASN.1 but has no elliptic curves: so this joins them.
 */
export function makeCertificate(request: CertificateRequest): string {
  const tbs = sequence(
    tagged(0, integer(Buffer.from([2]))), // v3
    integer(serialNumber()),
    signatureAlgorithm(),
    name(request.issuer),
    sequence(time(request.notBefore), time(request.notAfter)),
    name(request.subject),
    asn1.fromDer(util.createBuffer(spki(request.publicKey).toString("binary"))),
    tagged(3, sequence(...extensions(request))),
  );
  const signature = sign("sha256", der(tbs), request.signingKey);
  const certificate = sequence(tbs, signatureAlgorithm(), bitString(signature));
  const base64 = der(certificate)
    .toString("base64")
    .replace(/.{64}(?=.)/g, "$&\n");
  return `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`;
}

function extensions({ use, publicKey, signingKey }: CertificateRequest): forge.asn1.Asn1[] {
  const isCa = use === "ca";
  // keyCertSign and cRLSign for a CA; digitalSignature for a leaf: bits from the left, then the count of unused ones.
  const usage = isCa ? Buffer.from([0x03, 0x02, 0x01, 0x06]) : Buffer.from([0x03, 0x02, 0x07, 0x80]);
  const constraints = isCa ? sequence(boolean(true), integer(Buffer.from([0]))) : sequence();
  const common = [
    extension(OID.basicConstraints, true, der(constraints)),
    extension(OID.keyUsage, true, usage),
    extension(OID.subjectKeyIdentifier, false, der(octets(keyIdentifier(publicKey)))),
    extension(
      OID.authorityKeyIdentifier,
      false,
      der(sequence(taggedBytes(0, keyIdentifier(createPublicKey(signingKey))))),
    ),
  ];
  if (isCa) return common;
  return [
    ...common,
    extension(OID.extKeyUsage, false, der(sequence(oid(OID.serverAuth)))),
    extension(OID.subjectAltName, false, der(sequence(...use.names.map(altName)))),
  ];
}

/** 127 random bits and a leading 1 below them: positive, never short, never the same twice (RFC 5280 §4.1.2.2). */
function serialNumber(): Buffer {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes;
}

/** SHA-1 of the public key's bits, as RFC 5280 §4.2.1.2 (1) names a key. */
function keyIdentifier(key: KeyObject): Buffer {
  // Uncompressed point of P-256: the last 65 bytes of the SPKI.
  return createHash("sha1").update(spki(key).subarray(-65)).digest();
}

function spki(key: KeyObject): Buffer {
  return key.export({ type: "spki", format: "der" });
}

function altName(each: AltName): forge.asn1.Asn1 {
  if ("dns" in each) return taggedBytes(2, Buffer.from(each.dns, "latin1"));
  return taggedBytes(7, Buffer.from(each.ip.split(".").map(Number)));
}

function name(commonName: string): forge.asn1.Asn1 {
  const value = asn1.create(asn1.Class.UNIVERSAL, asn1.Type.UTF8, false, commonName);
  return sequence(
    asn1.create(asn1.Class.UNIVERSAL, asn1.Type.SET, true, [sequence(oid(OID.commonName), value)]),
  );
}

/** UTCTime up to 2049, GeneralizedTime from 2050 on (RFC 5280 §4.1.2.5). */
function time(date: Date): forge.asn1.Asn1 {
  return date.getUTCFullYear() < 2050
    ? asn1.create(asn1.Class.UNIVERSAL, asn1.Type.UTCTIME, false, asn1.dateToUtcTime(date))
    : asn1.create(asn1.Class.UNIVERSAL, asn1.Type.GENERALIZEDTIME, false, asn1.dateToGeneralizedTime(date));
}

function extension(id: string, critical: boolean, value: Buffer): forge.asn1.Asn1 {
  return sequence(oid(id), ...(critical ? [boolean(true)] : []), octets(value));
}

function signatureAlgorithm(): forge.asn1.Asn1 {
  return sequence(oid(OID.ecdsaWithSha256));
}

function sequence(...items: forge.asn1.Asn1[]): forge.asn1.Asn1 {
  return asn1.create(asn1.Class.UNIVERSAL, asn1.Type.SEQUENCE, true, items);
}

function tagged(tag: number, item: forge.asn1.Asn1): forge.asn1.Asn1 {
  return context(tag, true, [item]);
}

function taggedBytes(tag: number, bytes: Buffer): forge.asn1.Asn1 {
  return context(tag, false, bytes.toString("binary"));
}

/** A context tag is a number of its own; forge's typings take it for one of the universal types. */
function context(tag: number, constructed: boolean, value: forge.asn1.Asn1[] | string): forge.asn1.Asn1 {
  // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- see above
  return asn1.create(asn1.Class.CONTEXT_SPECIFIC, tag, constructed, value);
}

function oid(id: string): forge.asn1.Asn1 {
  return asn1.create(asn1.Class.UNIVERSAL, asn1.Type.OID, false, asn1.oidToDer(id).getBytes());
}

function boolean(value: boolean): forge.asn1.Asn1 {
  return asn1.create(asn1.Class.UNIVERSAL, asn1.Type.BOOLEAN, false, value ? "\xff" : "\x00");
}

function integer(bytes: Buffer): forge.asn1.Asn1 {
  return asn1.create(asn1.Class.UNIVERSAL, asn1.Type.INTEGER, false, bytes.toString("binary"));
}

function octets(bytes: Buffer): forge.asn1.Asn1 {
  return asn1.create(asn1.Class.UNIVERSAL, asn1.Type.OCTETSTRING, false, bytes.toString("binary"));
}

function bitString(bytes: Buffer): forge.asn1.Asn1 {
  return asn1.create(asn1.Class.UNIVERSAL, asn1.Type.BITSTRING, false, `\x00${bytes.toString("binary")}`);
}

function der(value: forge.asn1.Asn1): Buffer {
  return Buffer.from(asn1.toDer(value).getBytes(), "binary");
}
