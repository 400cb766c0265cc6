import { expect, test } from "@jest/globals";
import { Shares } from "./shares.ts";

test("what all share is bounded, and what each address has of it; what is given back can be had again", () => {
  const shares = new Shares({ all: 5, each: 3 });
  expect(["a", "a", "a", "a", "b", "b", "b", "c"].map((each) => shares.take(each, 1))).toEqual([
    true,
    true,
    true,
    false,
    true,
    true,
    false,
    false,
  ]);
  shares.giveBack("a", 2);
  expect(shares.take("b", 2)).toBe(false);
  expect(shares.take("b", 1)).toBe(true);
  expect(shares.take("c", 1)).toBe(true);
  expect(shares.take("c", 1)).toBe(false);
});
