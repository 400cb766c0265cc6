import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "@jest/globals";
import { systemClock } from "../../common/clock.ts";
import { CA_LIFE_MS } from "../../certs/issue.ts";
import { readBundle } from "../../certs/verify.ts";
import { silentLogger } from "../../common/log.ts";
import { issueCa, issueLeaf } from "../../certs/issue.ts";
import type { KeyPair } from "../../certs/issue.ts";
import { FileCertificate } from "./filecertificate.ts";

const now = new Date();
const clock = { ...systemClock, now: () => now };
const ca = issueCa(now);
const leaf = (by = ca): KeyPair => issueLeaf(by, [{ dns: "a" }], now);
let directory: string | undefined;

afterEach(async () => {
  if (directory !== undefined) await rm(directory, { recursive: true });
  directory = undefined;
});

/** The files as cert-manager names them in its Secret. */
async function write(pair: KeyPair, by = ca): Promise<FileCertificate> {
  const folder = (directory ??= await mkdtemp(join(tmpdir(), "schedgate-files-")));
  const files = { "tls.crt": pair.certificate, "tls.key": pair.key, "ca.crt": by.certificate };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return new FileCertificate({ directory: folder, log: silentLogger, clock });
}

describe("a certificate from files", () => {
  test("brings its CA into the bundle, beside those that are trusted and not over yet", async () => {
    const source = await write(leaf());
    await source.refresh();
    const [before, over] = [issueCa(now), issueCa(new Date(now.getTime() - 2 * CA_LIFE_MS))];
    expect(source.bundleFor("")).toBe(ca.certificate);
    const both = source.bundleFor(before.certificate + over.certificate);
    expect(readBundle(both).map(String)).toEqual([ca, before].map((each) => each.certificate));
    expect(source.bundleFor(both)).toBe(both);
    const other = source.bundleFor(before.certificate + ca.certificate);
    expect(other).toBe(before.certificate + ca.certificate);
    expect(source.bundleFor("damaged")).toBe(ca.certificate);
  });

  test("is used when it is renewed", async () => {
    const first = leaf();
    const source = await write(first);
    await source.refresh();
    expect(source.current).toEqual(first);
    source.adopt(() => true);
    const second = leaf();
    await write(second);
    await source.refresh();
    expect(source.adopt(() => true)).toEqual(second);
  });

  test("of a CA that clients do not trust yet waits while they trust the one in use", async () => {
    const first = leaf();
    const source = await write(first);
    await source.refresh();
    source.adopt(() => true);
    const other = issueCa(now);
    await write(leaf(other), other);
    await source.refresh();
    expect(source.adopt((each) => each === first.certificate)).toBeUndefined();
    expect(source.adopt(() => false)).toBeDefined();
  });

  test("whose key is another's is named, and the one in use stays", async () => {
    const first = leaf();
    const source = await write(first);
    await source.refresh();
    await write({ ...leaf(), key: first.key });
    await expect(source.refresh()).rejects.toThrow("tls.crt, tls.key and ca.crt of");
    expect(source.current).toEqual(first);
  });
});
