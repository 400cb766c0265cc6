import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { type Output, exec } from "./exec.ts";

/** A program of ours on a machine whose PATH holds nothing: neither apt nor what apt would install. */
function withoutPrograms(...args: string[]): Promise<Output> {
  const [program = "", ...rest] = args;
  const env = { ...process.env, PATH: "/nowhere", SCHEDGATE_LAB: "without-programs" };
  return exec(process.execPath, [join(import.meta.dirname, "..", program), ...rest], {
    env,
    timeoutMs: 30_000,
  });
}

test.each([
  ["npm run demo", ["demo/main.ts"], ["qemu-system-x86_64", "mmdebstrap", "buildah"]],
  ["npm run demo -- --node host", ["demo/main.ts", "--node", "host"], ["skopeo", "containerd", "buildah"]],
  ["npm run lab -- up --schedgate", ["lab/main.ts", "up", "--schedgate"], ["qemu-img", "buildah"]],
  ["npm run lab -- up --node none", ["lab/main.ts", "up", "--node", "none"], ["openssl"]],
])(
  "%s names all that is missing before it builds anything",
  async (_, args, programs) => {
    const { code, stdout, stderr } = await withoutPrograms(...args);
    expect(code).toBe(1);
    const said = (stdout + stderr).split("\n").map((line) => line.trim());
    expect(said).toEqual(expect.arrayContaining(programs));
    expect(said.join("\n")).toContain("sudo apt-get install --no-install-recommends ");
    expect(said.join("\n")).not.toMatch(/building|installing|removed/);
  },
  60_000,
);

test("a version that cannot be one of Kubernetes is refused before anything is built", async () => {
  const { code, stdout } = await withoutPrograms("demo/main.ts", "--kubernetes", "1.36");
  expect(code).toBe(1);
  expect(stdout).toMatch(
    /^ *"1\.36" is not a Kubernetes version such as v1\.36\.3\n\nThe demo did not start/,
  );
}, 60_000);
