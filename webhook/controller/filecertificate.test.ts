import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "@jest/globals";
import { silentLogger } from "../../common/log.ts";
import { issueCa, issueLeaf } from "../../certs/issue.ts";
import type { KeyPair } from "../../certs/issue.ts";
import { FileCertificate } from "./filecertificate.ts";

const now = new Date();
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
  return new FileCertificate({ directory: folder, log: silentLogger });
}

describe("a certificate from files", () => {
  test("is used when it is renewed, and the bundle of whoever makes it is left alone", async () => {
    const first = leaf();
    const source = await write(first);
    await source.refresh();
    expect(source.current).toEqual(first);
    expect([source.bundleFor(""), source.bundleFor("theirs")]).toEqual([ca.certificate, "theirs"]);
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
