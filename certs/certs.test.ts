import { execFileSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { once } from "node:events";
import { connect, createServer } from "node:tls";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "@jest/globals";
import { CA_LIFE_MS, issueCa, issueLeaf, LEAF_LIFE_MS } from "./issue.ts";
import { isTrusted, readBundle, renewalTime, whyUnusableCa } from "./verify.ts";

const now = new Date();
const names = [{ dns: "schedgate-webhook.schedgate-system.svc" }, { dns: "localhost" }, { ip: "127.0.0.1" }];
const ca = issueCa(now);
const leaf = issueLeaf(ca, names, now);

function openssl(...args: string[]): string {
  const folder = mkdtempSync(join(tmpdir(), "schedgate-certs-"));
  try {
    writeFileSync(join(folder, "ca.crt"), ca.certificate);
    writeFileSync(join(folder, "leaf.crt"), leaf.certificate);
    return execFileSync("openssl", args, { cwd: folder, encoding: "utf8" });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe("certificates", () => {
  test("hold in openssl's strictest check, for a server, under each name", () => {
    const strict = ["verify", "-x509_strict", "-check_ss_sig", "-purpose", "sslserver", "-CAfile", "ca.crt"];
    expect(
      openssl(...strict, "-verify_hostname", "schedgate-webhook.schedgate-system.svc", "leaf.crt"),
    ).toContain("OK");
    expect(openssl(...strict, "-verify_ip", "127.0.0.1", "leaf.crt")).toContain("OK");
  });

  test("read back with what was asked for", () => {
    const read = new X509Certificate(leaf.certificate);
    expect(read.subjectAltName).toBe(
      "DNS:schedgate-webhook.schedgate-system.svc, DNS:localhost, IP Address:127.0.0.1",
    );
    expect(read.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1"]);
    expect(read.ca).toBe(false);
    expect(read.publicKey.asymmetricKeyDetails?.namedCurve).toBe("prime256v1");
    expect(read.serialNumber).toHaveLength(32);
    expect(new X509Certificate(issueLeaf(ca, names, now).certificate).serialNumber).not.toBe(
      read.serialNumber,
    );
    expect(read.checkHost("evil.example")).toBeUndefined();
  });

  test("are accepted by a TLS client that trusts the CA", async () => {
    const server = createServer({ cert: leaf.certificate, key: leaf.key }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const client = connect({ port, host: "127.0.0.1", ca: ca.certificate });
    await once(client, "secureConnect");
    expect(client.authorized).toBe(true);
    client.destroy();
    server.close();
  });

  test("begin an hour ago, and a leaf ends before its CA does", () => {
    const read = new X509Certificate(leaf.certificate);
    expect(now.getTime() - read.validFromDate.getTime()).toBeGreaterThan(3_500_000);
    const late = new Date(now.getTime() + CA_LIFE_MS - LEAF_LIFE_MS / 2);
    const last = new X509Certificate(issueLeaf(ca, names, late).certificate);
    expect(last.validToDate).toEqual(new X509Certificate(ca.certificate).validToDate);
  });

  test("of 2050 and later keep their dates", () => {
    const far = new X509Certificate(issueCa(new Date("2049-06-01T00:00:00Z")).certificate);
    expect(far.validToDate.toISOString()).toBe("2054-05-31T00:00:00.000Z");
  });
});

describe("trust", () => {
  const other = issueCa(now);

  test("is for a leaf of any CA in the bundle", () => {
    expect(isTrusted(leaf.certificate, other.certificate + ca.certificate, now)).toBe(true);
    expect(isTrusted(leaf.certificate, other.certificate, now)).toBe(false);
    expect(isTrusted(leaf.certificate, "", now)).toBe(false);
  });

  test("ends with the leaf's time", () => {
    expect(isTrusted(leaf.certificate, ca.certificate, new Date(now.getTime() + LEAF_LIFE_MS + 1000))).toBe(
      false,
    );
  });

  test("reads every certificate of a bundle", () => {
    expect(readBundle(ca.certificate + other.certificate)).toHaveLength(2);
    expect(() => readBundle("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----")).toThrow();
  });
});

describe("a CA is given up", () => {
  test.each([
    ["not while it can sign", ca, CA_LIFE_MS - 1000, undefined],
    ["not because another machine's clock is ahead", ca, -24 * 3_600_000, undefined],
    ["after its time", ca, CA_LIFE_MS + 1000, "its time is over"],
    ["when there is none", { certificate: "", key: "" }, 0, "there is none"],
    ["when the key is another's", { ...ca, key: issueCa(now).key }, 0, "its key is not its certificate's"],
    ["when it is a leaf", leaf, 0, "its certificate is not a CA"],
    ["when it is damaged", { certificate: "x", key: "y" }, 0, "it cannot be read"],
  ])("%s", (_, pair, later, reason) => {
    const why = whyUnusableCa(pair, new Date(now.getTime() + later));
    expect(why ?? "").toContain(reason ?? "");
    expect(why === undefined).toBe(reason === undefined);
  });

  test("its end comes near at two thirds exactly", () => {
    const read = new X509Certificate(ca.certificate);
    const at = renewalTime(read).getTime();
    expect((at - read.validFromDate.getTime()) / (read.validToDate.getTime() - at)).toBeCloseTo(2);
  });
});
