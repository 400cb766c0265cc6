import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { parse } from "yaml";
import { hookProfileSchema } from "../../common/api/hookprofile.ts";
import { protectsKey, readProtection } from "../../common/api/protection.ts";
import { hookFile } from "../install/crio-plan.ts";
import { fileFlaw } from "./hook-file.ts";
import { families } from "./pattern.ts";
import { type When, unprotected } from "./when.ts";

const manifest = join(import.meta.dirname, "../../manifests/base/hookprofile.yaml");
const shipped = readProtection(hookProfileSchema.parse(parse(readFileSync(manifest, "utf8"))).spec);
const of = (...globs: string[]) =>
  readProtection({ protects: { annotations: globs }, enforcement: "Enforce" });

describe("a hook", () => {
  test.each(["createRuntime", "poststop"] as const)(
    "of ours (%s) is protected by the profile of our manifests, and by no other",
    (stage) => {
      const { text } = hookFile(stage);
      expect(fileFlaw(text, [shipped])).toBeUndefined();
      expect(fileFlaw(text, [])).toContain("no HookProfile protects schedgate.dev/cpu-isolation");
    },
  );

  test.each<[string, When]>([
    ["a literal key that a glob names", { annotations: { [String.raw`^a\.b/c$`]: ".*" } }],
    ["a prefix that a glob has too", { annotations: { "^p/x[^/]+$": "" } }],
    ["anything after the slash of a glob", { annotations: { "^p/.*$": "" } }],
    ["one protected annotation of two", { annotations: { x: "", [String.raw`^a\.b/c$`]: "" } }],
    ["a protected annotation, and commands", { annotations: { "^p/.*$": "" }, commands: [".*"] }],
    ["a condition that never holds", { always: false, commands: [".*"] }],
    ["no condition, which never holds either", {}],
    ["mounts that must not be, which never holds", { hasBindMounts: false }],
  ])("is protected by %s", (_, when) => {
    expect(unprotected(when, [of("a.b/c"), of("p/*")])).toBeUndefined();
  });

  test.each<[string, string, When]>([
    ["always", "always: every container", { always: true }],
    ["commands", "commands: any container", { commands: ["^/bin/sh$"] }],
    ["bind mounts", "hasBindMounts: every pod", { hasBindMounts: true }],
    ["a key that no glob names", "no HookProfile protects a.b/d", { annotations: { "^a\\.b/d$": "" } }],
    ["a dot that is any character", "cannot be told", { annotations: { "^a.b/c$": "" } }],
    ["a key that is not anchored", "cannot be told", { annotations: { "a\\.b/c": "" } }],
    ["an anchor at one of two alternatives", "cannot be told", { annotations: { "^a\\.b/c|x$": "" } }],
    ["a dollar that is escaped", "cannot be told", { annotations: { "^a\\.b/c\\$": "" } }],
    ["letters of either case", "cannot be told", { annotations: { "(?i)^a\\.b/c$": "" } }],
    ["one alternative that is free", "no HookProfile protects x", { annotations: { "^(a\\.b/c|x)$": "" } }],
    ["what may cross the glob's slash", "protects p…", { annotations: { "^p.*$": "" } }],
    ["a wider prefix than the glob's", "protects q…", { annotations: { "^q[^/]+$": "" } }],
  ])("is not protected: %s", (_, words, when) => {
    expect(unprotected(when, [of("a.b/c"), of("p/*"), of("q/x*")])).toContain(words);
  });

  test("is not protected by a request where its value may be the one that needs no grant", () => {
    const key = String.raw`^schedgate\.dev/cpu-isolation$`;
    for (const value of [".*", "^disabled$", "^(enabled|disabled)$", "^d[^/]+$", "enabled"])
      expect(unprotected({ annotations: { [key]: value } }, [shipped])).toContain(
        '"disabled" needs no grant',
      );
    for (const value of ["^enabled$", "^(enabled|x)$"])
      expect(unprotected({ annotations: { [key]: value } }, [shipped])).toBeUndefined();
  });

  test("whose key may be the grant's is not protected by a glob over it", () => {
    const when = { annotations: { [String.raw`^schedgate\.dev/[^/]+$`]: "" } };
    expect(unprotected(when, [of("schedgate.dev/*")])).toContain("no HookProfile protects");
  });

  test.each([
    ["{", "cannot be told"],
    ['{"version":"2.0.0"}', "cannot be told"],
    ['{"hook":"/x","stage":["prestart"],"cmds":["sh"]}', "version 0.1.0"],
    ['{"version":"0.1.0","annotation":"^enabled$"}', "version 0.1.0"],
    ['{"version":"0.1.0","hasbindmounts":true}', "version 0.1.0"],
    ['{"version":"1.0.0","when":{"always":true}}', "always"],
  ])("file %s is named", (text, words) => {
    expect(fileFlaw(text, [shipped])).toContain(words);
  });

  test("file of version 0.1.0 without a condition triggers nothing", () => {
    expect(fileFlaw('{"version":"0.1.0","hook":"/x"}', [])).toBeUndefined();
  });
});

describe("what a pattern can match", () => {
  test("holds whatever it does match", () => {
    const piece = fc.constantFrom(
      "a",
      "b",
      "/",
      ".",
      "\\.",
      "\\/",
      "(",
      ")",
      "|",
      "[^/]+",
      ".*",
      "^",
      "$",
      "?:",
      "\\",
    );
    const pattern = fc.array(piece, { maxLength: 8 }).map((parts) => `^${parts.join("")}$`);
    const text = fc.stringMatching(/^[ab./]{0,6}$/);
    fc.assert(
      fc.property(pattern, text, (source, key) => {
        const told = families(source);
        if (told === undefined || !new RegExp(source, "s").test(key)) return;
        const holds = told.some(({ head, open, slash }) =>
          open ? key.startsWith(head) && (slash || !key.slice(head.length).includes("/")) : key === head,
        );
        expect({ source, key, holds }).toEqual({ source, key, holds: true });
      }),
      { numRuns: 5000 },
    );
  });

  test("a hook that is said to be protected is triggered by protected keys only", () => {
    const globs = fc.subarray(["a/*", "a/b", "b/a*", "a.b/*", "ab"], { minLength: 1 });
    const head = fc.constantFrom("a/", "a/b", "b/a", "ab", "a\\.b/", "a.b/");
    const rest = fc.constantFrom("", "[^/]+", ".*", "[^/]*");
    const key = fc.stringMatching(/^[ab.]{1,3}(\/[ab.]{1,3})?$/);
    fc.assert(
      fc.property(globs, head, rest, key, (list, start, end, text) => {
        const source = `^${start}${end}$`;
        const protection = of(...list);
        if (unprotected({ annotations: { [source]: "" } }, [protection]) !== undefined) return;
        if (new RegExp(source).test(text))
          expect({ source, text, is: protectsKey(protection, text) }).toMatchObject({ is: true });
      }),
      { numRuns: 5000 },
    );
  });
});
