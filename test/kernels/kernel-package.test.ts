import { describe, expect, test } from "@jest/globals";
import { newestCloudKernel } from "./kernel-package.ts";

describe("the kernel of a suite", () => {
  test.each([
    [
      ["linux-image-5.10.0-9-cloud-amd64-unsigned", "linux-image-5.10.0-32-cloud-amd64-unsigned"],
      "linux-image-5.10.0-32-cloud-amd64-unsigned",
    ],
    [
      ["linux-image-6.1.0-50-cloud-amd64", "linux-image-6.1.0-50-cloud-amd64-unsigned"],
      "linux-image-6.1.0-50-cloud-amd64-unsigned",
    ],
    [
      ["linux-image-7.2.13+deb14-cloud-amd64", "linux-binary-7.2.13+deb14-cloud-amd64"],
      "linux-binary-7.2.13+deb14-cloud-amd64",
    ],
  ])("of %j is %s", (names, newest) => {
    const others = ["linux-image-cloud-amd64", "linux-image-9.0-amd64", "linux-image-9.0-cloud-amd64-dbg"];
    expect(newestCloudKernel([...names, ...others])).toBe(newest);
  });

  test("is missed by name where a suite has none", () => {
    expect(() => newestCloudKernel(["linux-image-cloud-amd64"])).toThrow("no cloud kernel");
  });
});
