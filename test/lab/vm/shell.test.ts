import { createServer, type AddressInfo } from "node:net";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { guestShell, parseAnswer, request } from "./shell.ts";

// The guest's side is one bash a connection: a real one, without the guest.
const server = createServer((socket) => {
  const bash = spawn("bash", { stdio: ["pipe", "pipe", "ignore"] });
  socket.pipe(bash.stdin);
  bash.stdout.pipe(socket);
});
let port = 0;

beforeAll(async () => {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  port = (server.address() as AddressInfo).port;
});
afterAll(() => {
  server.close();
});

describe("a shell in the guest", () => {
  test("keeps exit code and both outputs apart", async () => {
    const output = await guestShell(port).run("echo out; echo err >&2; exit 3");
    expect(output).toEqual({ code: 3, stdout: "out\n", stderr: "err\n" });
  });

  test("takes any characters as they are", async () => {
    const text = `'"$HOME\\ \`id\` !! ü\nEOF`;
    const quoted = `'${text.replaceAll("'", `'\\''`)}'`;
    expect((await guestShell(port).run(`printf %s ${quoted}`)).stdout).toBe(text);
  });

  test("gives the command no input of the connection's", async () => {
    expect((await guestShell(port).run("cat; echo end")).stdout).toBe("end\n");
  });

  test("says what failed", async () => {
    await expect(guestShell(port).must("echo sorry >&2; exit 1")).rejects.toThrow(
      /in the VM: echo sorry[^]*sorry/,
    );
  });
});

test("an answer is whole or none", () => {
  const whole = Buffer.from("SHELL 0 3 2\nabcde");
  expect(parseAnswer(whole)).toEqual({ code: 0, stdout: "abc", stderr: "de" });
  fc.assert(
    fc.property(fc.integer({ min: 0, max: whole.length - 1 }), (length) => {
      expect(parseAnswer(whole.subarray(0, length))).toBeUndefined();
    }),
  );
});

test("a command's quotes are closed", () => {
  expect(request("echo 'a'")).toContain(`(eval 'echo '\\''a'\\''')`);
});
