import { describe, expect, test } from "@jest/globals";
import { parseRequest, replyPath } from "./request.ts";

describe("a launcher's request", () => {
  test("names what to do, for whom, and where the answer goes", () => {
    const request = parseRequest("start 0a1b_2.c 4711");
    expect(request).toEqual({ command: "start", id: "0a1b_2.c", token: "4711" });
    if (request !== undefined)
      expect(replyPath("/run/schedgate", request)).toBe("/run/schedgate/asks/0a1b_2.c/reply-4711");
  });

  test.each([
    "",
    "start abc",
    "rt abc 1",
    "create abc 1",
    "start ../abc 1",
    "start .. 1",
    "start a/b 1",
    "start abc ../1",
    "start abc 1 x",
    `start ${"a".repeat(129)} 1`,
  ])('is none where the line is "%s"', (line) => {
    expect(parseRequest(line)).toBeUndefined();
  });
});
