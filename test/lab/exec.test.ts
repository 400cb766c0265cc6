import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { abortable, exec } from "./exec.ts";
import { waitFor } from "./wait.ts";

let scratch: string;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), "schedgate-exec-"));
});
afterEach(() => {
  rmSync(scratch, { recursive: true });
});

test("an aborted program may clear away what it began, and is gone when that is told", async () => {
  const begun = join(scratch, "begun");
  const script = `trap 'sleep 0.2; rm ${begun}; exit 0' INT; : > ${begun}; while :; do sleep 0.05; done`;
  const stop = new AbortController();
  const work = abortable(stop.signal, () => exec("sh", ["-c", script]));
  await waitFor({ what: "the program's file", timeoutMs: 10_000 }, () =>
    Promise.resolve(existsSync(begun) ? true : undefined),
  );
  stop.abort();
  await expect(work).rejects.toThrow("cannot run sh: The operation was aborted");
  expect(existsSync(begun)).toBe(false);
}, 20_000);

test("a program that does not exist is told at once", async () => {
  await expect(exec("no-such-program", [])).rejects.toThrow("cannot run no-such-program");
});

test("what is not part of the work runs on when that is aborted", async () => {
  const stopped = AbortSignal.abort();
  await expect(abortable(stopped, () => exec("true", []))).rejects.toThrow("cannot run true");
  expect((await exec("true", [])).code).toBe(0);
});
