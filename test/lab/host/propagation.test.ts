import { describe, expect, test } from "@jest/globals";
import { rootIsPrivate } from "./propagation.ts";

describe("rootIsPrivate", () => {
  test.each([
    ["no group", "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n", true],
    ["a peer group", "27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n", false],
    ["a master", "27 1 254:0 / / rw,relatime master:3 - ext4 /dev/vda rw\n", false],
    [
      "a shared mount elsewhere",
      "27 1 254:0 / / rw - ext4 /dev/vda rw\n28 27 0:1 / /a rw shared:2 - tmpfs t rw\n",
      true,
    ],
    [
      "a later mount over it",
      "27 1 0:1 / / rw shared:1 - rootfs r rw\n28 27 8:1 / / rw - ext4 /dev/sda rw\n",
      true,
    ],
  ])("%s", (_name, mountinfo, expected) => {
    expect(rootIsPrivate(mountinfo)).toBe(expected);
  });
});
