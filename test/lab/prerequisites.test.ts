import { expect, test } from "@jest/globals";
import { explain, findProgram, missing } from "./prerequisites.ts";

const sh = { program: "sh", package: "dash" };
const absent = { program: "no-such-program", package: "no-such-package" };
const go = { program: "no-such-go", hint: "from https://go.dev/dl/" };

test("a program is found in PATH, in the system's own directories, or by its path", () => {
  expect(findProgram("sh", "/nowhere:/bin")).toBe("/bin/sh");
  expect(findProgram("/bin/sh", "")).toBe("/bin/sh");
  expect(findProgram("no-such-program", process.env["PATH"])).toBeUndefined();
});

test("only what is missing is named, with the command that installs it", () => {
  const lacking = missing([sh, absent, go], "/bin");
  expect(lacking).toEqual([absent, go]);
  expect(explain(lacking)).toBe(
    [
      "The lab needs programs that this machine does not have:",
      "  no-such-program",
      "  no-such-go: from https://go.dev/dl/",
      "On Debian or Ubuntu: sudo apt-get install --no-install-recommends no-such-package",
    ].join("\n"),
  );
});
