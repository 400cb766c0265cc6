import { describe, expect, test } from "@jest/globals";
import { linkerFlags, minorOf, wrapperModule } from "./gobuild.ts";

const upstream = `module k8s.io/kubernetes

go 1.26.0

require (
	k8s.io/api v0.0.0
	k8s.io/kubectl v0.0.0
)

replace (
	k8s.io/api => ./staging/src/k8s.io/api
	k8s.io/kubectl => ./staging/src/k8s.io/kubectl
)
`;

describe("the module that builds Kubernetes", () => {
  test("replaces each staged part by its published version", () => {
    expect(wrapperModule("v1.36.3", upstream)).toBe(`module lab

go 1.26.0

require k8s.io/kubernetes v1.36.3

replace k8s.io/api => k8s.io/api v0.36.3
replace k8s.io/kubectl => k8s.io/kubectl v0.36.3
`);
  });

  test("is refused where upstream changed its form", () => {
    expect(() => wrapperModule("v1.99.0", "module k8s.io/kubernetes\n\ngo 1.30\n")).toThrow("v1.99.0");
  });
});

test("the binaries say their version", () => {
  expect(linkerFlags("v1.36.3")).toBe(
    "-s -w -X k8s.io/component-base/version.gitVersion=v1.36.3 " +
      "-X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=36",
  );
});

test.each(["1.36.3", "v1.36", "v2.0.0", "v1.36.3; rm", ""])("%j is not a version", (version) => {
  expect(() => minorOf(version)).toThrow(`"${version}" is not a Kubernetes version`);
});
