import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { exec } from "../lab/exec.ts";
import { type Home, configure, makeHome } from "./home.ts";

let home: Home;
beforeAll(async () => {
  home = await makeHome();
}, 60_000);
afterAll(() => {
  home.remove();
});

describe("a hook at the end of a container", () => {
  test.each([
    ["can do nothing here", JSON.stringify({ id: "ended", bundle: "/b", status: "stopped" })],
    ["gets no state", ""],
  ])("that %s notes it, and lets the runtime's delete go well", async (_, input) => {
    configure(home, "schedgate_cgroup_root=/nonexistent");
    expect(await exec(home.hook, ["poststop"], { input })).toEqual({ code: 0, stdout: "", stderr: "" });
    expect(readFileSync(join(home.run, "companion.log"), "utf8")).toContain("poststop: ");
  });
});
