import { mkdtemp, mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { blobOf, parseHeader, spansWithout, tarEntries, withFile } from "./archive.ts";
import { must } from "./exec.ts";

const a = "a".repeat(64);
const b = "b".repeat(64);
let directory = "";

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "archive-"));
  await mkdir(join(directory, "blobs/sha256"), { recursive: true });
  await writeFile(join(directory, "index.json"), "{}");
  await writeFile(join(directory, "blobs/sha256", a), "x".repeat(1000));
  await writeFile(join(directory, "blobs/sha256", b), "y".repeat(512));
  const members = ["index.json", `blobs/sha256/${a}`, `blobs/sha256/${b}`];
  await must("tar", ["-C", directory, "-cf", join(directory, "it.tar"), ...members]);
});

afterAll(() => rm(directory, { recursive: true }));

describe("an OCI archive", () => {
  test("is listed as tar(1) wrote it", async () => {
    const entries = await withFile(join(directory, "it.tar"), "r", tarEntries);
    expect(entries.map(({ name, size }) => [name, size])).toEqual([
      ["index.json", 2],
      [`blobs/sha256/${a}`, 1000],
      [`blobs/sha256/${b}`, 512],
    ]);
    expect(entries.map(blobOf)).toEqual([undefined, a, b]);
  });

  test("loses the blobs that the other side has, and nothing else", async () => {
    const entries = await withFile(join(directory, "it.tar"), "r", tarEntries);
    expect(spansWithout(entries, new Set())).toEqual([{ start: 0, end: 1024 + 1536 + 1024 }]);
    expect(spansWithout(entries, new Set([a]))).toEqual([
      { start: 0, end: 1024 },
      { start: 2560, end: 3584 },
    ]);
  });

  test("that is none is refused by the offset", () => {
    expect(() => parseHeader(Buffer.alloc(512, "x"), 1024)).toThrow("no tar header at offset 1024");
  });
});
