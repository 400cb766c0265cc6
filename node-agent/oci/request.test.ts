import { describe, expect, test } from "@jest/globals";
import { answerTo, parseRequest, replyPath } from "./request.ts";

describe("a launcher's request", () => {
  test("names what to do, for whom, where the answer goes, and what a failure means", () => {
    const request = parseRequest("start 0a1b_2.c 4711 deny");
    expect(request).toEqual({ command: "start", id: "0a1b_2.c", token: "4711", onFailure: "deny" });
    if (request !== undefined)
      expect(replyPath("/run/schedgate", request)).toBe("/run/schedgate/asks/0a1b_2.c/reply-4711");
  });

  test.each([
    "",
    "start abc 1",
    "rt abc 1 deny",
    "create abc 1 deny",
    "start ../abc 1 deny",
    "start .. 1 deny",
    "start a/b 1 deny",
    "start abc ../1 deny",
    "start abc 1 maybe",
    `start ${"a".repeat(129)} 1 deny`,
  ])('is none where the line is "%s"', (line) => {
    expect(parseRequest(line)).toBeUndefined();
  });
});

describe("the answer", () => {
  test("is one short line, whatever the refusal says", () => {
    expect(answerTo(undefined)).toBe("ok\n");
    expect(answerTo("first\nsecond")).toBe("refused schedgate: first second\n");
    expect(Buffer.byteLength(answerTo("é".repeat(100_000)))).toBeLessThanOrEqual(4096);
  });
});
