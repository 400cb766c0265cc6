import { describe, expect, test } from "@jest/globals";
import { mirrorIn } from "./debian.ts";
import { ordered } from "./initrd.ts";
import { joinCommand } from "./join.ts";
import { importCommand } from "./load.ts";
import { qemuArguments } from "./qemu.ts";

describe("the mirror", () => {
  test("is the main archive that this machine's apt uses", () => {
    const targets =
      "https://m.test/debian-security/ main\nhttps://m.test/debian/ main\nhttps://other.test/debian main\n";
    expect(mirrorIn(targets)).toBe("https://m.test/debian/");
  });

  test("is left to mmdebstrap where apt uses no Debian archive", () => {
    expect(mirrorIn("https://m.test/ubuntu main\n")).toBeUndefined();
  });
});

test("modules keep their order, and each comes once", () => {
  expect(ordered(["/lib/virtio.ko", "/lib/virtio_blk.ko", "/lib/virtio.ko"])).toEqual([
    ["/lib/virtio.ko", "00-virtio.ko"],
    ["/lib/virtio_blk.ko", "01-virtio_blk.ko"],
  ]);
});

test("a run's files and time reach the guest in one command", () => {
  const command = joinCommand({ "ca.crt": "A" }, new Date(1500));
  expect(command).toContain("date -s @1.5");
  expect(command).toContain("echo QQ== | base64 -d > /etc/kubernetes/ca.crt");
});

test("the import reads the disk anew, and no more of it than the archive", () => {
  expect(importCommand("containerd", "localhost/x:1", 2048)).toMatch(
    /blockdev --flushbufs .*head -c 2048 .*'localhost\/x:1'/,
  );
  expect(importCommand("crio", "localhost/x:1", 2048)).toMatch(
    /blockdev --flushbufs .*'containers-storage:localhost\/x:1'/,
  );
});

test("a VM goes on from a snapshot only where there is one, and listens on loopback only", () => {
  const spec = {
    directory: "/d",
    image: "/i",
    backing: { file: "/b", format: "raw" as const },
    ports: { shell: 1001, proxy: 1002 },
  };
  expect(qemuArguments(spec)).not.toContain("-incoming");
  expect(qemuArguments({ ...spec, restore: "/s" })).toContain("-incoming");
  expect(
    qemuArguments(spec)
      .join(" ")
      .match(/hostfwd=tcp:127\.0\.0\.1:/g),
  ).toHaveLength(2);
});
