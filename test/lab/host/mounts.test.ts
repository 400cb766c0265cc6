import { describe, expect, test } from "@jest/globals";
import { mountsBelow, parseMounts } from "./mounts.ts";

const mountinfo = `22 27 0:21 / /proc rw,relatime - proc proc rw
36 35 254:0 /a /tmp/lab/node rw shared:1 - ext4 /dev/vda rw
37 36 0:4 net:[4026532] /tmp/lab/node/netns/a\\040b rw - nsfs nsfs rw
38 27 0:40 / /tmp/lab2 rw - cgroup cgroup rw,cpuset
`;

describe("mounts", () => {
  test("reads paths with blanks, optional fields and types", () => {
    expect(parseMounts(mountinfo)).toEqual([
      { path: "/proc", type: "proc" },
      { path: "/tmp/lab/node", type: "ext4" },
      { path: "/tmp/lab/node/netns/a b", type: "nsfs" },
      { path: "/tmp/lab2", type: "cgroup" },
    ]);
  });

  test("finds those below a directory, inner ones first, and no namesake", () => {
    expect(mountsBelow("/tmp/lab", parseMounts(mountinfo))).toEqual([
      "/tmp/lab/node/netns/a b",
      "/tmp/lab/node",
    ]);
  });
});
