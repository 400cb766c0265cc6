import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import fc from "fast-check";
import { isGlob, matchGlob, parseGlob } from "../../common/glob.ts";
import { exec } from "../lab/exec.ts";

// Reads pairs of JSON strings, a line each, and prints what path.Match says: 1, 0, or e for ErrBadPattern.
const PROGRAM = `package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path"
)

func main() {
	in := bufio.NewScanner(os.Stdin)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for in.Scan() {
		var pair [2]string
		if err := json.Unmarshal(in.Bytes(), &pair); err != nil {
			panic(err)
		}
		switch ok, err := path.Match(pair[0], pair[1]); {
		case err != nil:
			fmt.Fprint(out, "e")
		case ok:
			fmt.Fprint(out, "1")
		default:
			fmt.Fprint(out, "0")
		}
	}
}
`;

let directory = "";
let program = "";

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "schedgate-glob-"));
  const source = join(directory, "main.go");
  await writeFile(source, PROGRAM);
  program = join(directory, "match");
  const { code, stderr } = await exec("go", ["build", "-o", program, source]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
}, 120_000);

afterAll(() => rm(directory, { recursive: true }));

// Small alphabets, so that patterns are often valid and texts often match; and now and then anything.
const part = fc.constantFrom(
  "*",
  "?",
  "[",
  "]",
  "[a-c]",
  "[^b-]",
  "^",
  "-",
  "\\",
  "\\*",
  "/",
  "a",
  "b",
  "c",
  ".",
  "]a",
);
const patterns = fc.oneof(
  { weight: 5, arbitrary: fc.array(part, { minLength: 1, maxLength: 6 }).map((parts) => parts.join("")) },
  { weight: 1, arbitrary: fc.string({ minLength: 1, maxLength: 12 }) },
);
const texts = fc.oneof(
  {
    weight: 5,
    arbitrary: fc
      .array(fc.constantFrom("a", "b", "c", "/", "-", "]", ".", "*"), { maxLength: 4 })
      .map((parts) => parts.join("")),
  },
  { weight: 1, arbitrary: fc.string({ maxLength: 12 }) },
);

test("globs match exactly what Go's own path.Match matches, and are bad where it says so", async () => {
  let matches = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(patterns, texts), { minLength: 20_000, maxLength: 20_000 }),
      async (pairs) => {
        const input = pairs.map((pair) => `${JSON.stringify(pair)}\n`).join("");
        const { code, stdout } = await exec(program, [], { input });
        expect(code).toBe(0);
        expect(stdout).toHaveLength(pairs.length);
        for (const [i, [pattern, text]] of pairs.entries()) {
          const go = stdout[i];
          // Go finds a bad pattern only as far as it reads: then it may say "no match" to one that we refuse.
          const ours = isGlob(pattern) ? String(Number(matchGlob(parseGlob(pattern), text))) : "e";
          if (ours !== go && !(ours === "e" && go === "0"))
            expect({ pattern, text, ours }).toEqual({ pattern, text, ours: go });
          if (go === "1") matches += 1;
        }
      },
    ),
    { numRuns: 3, endOnFailure: true },
  );
  expect(matches).toBeGreaterThan(1_000);
}, 120_000);
