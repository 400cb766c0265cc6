import { describe, expect, test } from "@jest/globals";
import { parseBundle } from "./bundle.ts";
import { rightAtStart } from "./right.ts";

const LIST = "/etc/schedgate/static-pods";

function rightOf(annotations: Record<string, string>, staticPods?: string): ReturnType<typeof rightAtStart> {
  const identity = {
    "io.kubernetes.cri.container-type": "container",
    "io.kubernetes.cri.sandbox-namespace": "kube-system",
    "io.kubernetes.cri.sandbox-name": "dpdk-n1",
  };
  const bundle = parseBundle(JSON.stringify({ annotations: { ...identity, ...annotations } }));
  return rightAtStart(bundle, staticPods, LIST);
}

const granted = { "schedgate.dev/grant": "trading" };
const source = (from: string): Record<string, string> => ({ "kubernetes.io/config.source": from });

describe("a container that asks", () => {
  test.each([
    ["with the kubelet's word that it is the API's", { ...granted, ...source("api") }],
    ["where the runtime does not pass that word", granted],
  ])("of an admitted pod may be isolated, %s", (_, annotations) => {
    expect(rightOf(annotations)).toEqual({});
  });

  test.each([
    ["no grant", {}],
    ["an empty grant", { "schedgate.dev/grant": "" }],
    ["no grant and the API's word", source("api")],
  ])("of a pod with %s is not isolated", (_, annotations) => {
    expect(rightOf(annotations).refusal).toContain("did not pass schedgate's admission");
  });
});

describe("a container of a static pod", () => {
  test.each(["file", "http"])(
    "(%s) is not isolated without the node's list, whatever grant it claims",
    (from) => {
      expect(rightOf({ ...granted, ...source(from) }).refusal).toContain(
        "/etc/schedgate/static-pods on this node does not name kube-system/dpdk-n1",
      );
    },
  );

  test.each(["kube-system/dpdk-n1", "# ours\n\n  kube-system/dpdk-*  # every node\n"])(
    "may be isolated where the list says %j",
    (text) => {
      expect(rightOf(source("file"), text)).toEqual({ right: LIST });
    },
  );

  test.each(["kube-system/dpdk", "default/dpdk-n1", "#kube-system/dpdk-n1", "*/other"])(
    "is not isolated where the list says %j",
    (text) => {
      expect(rightOf(source("file"), text).refusal).toContain("static pod");
    },
  );

  test.each(["kube-system", "a/b/c", "kube-system/["])(
    "is refused, by file and line, where it says %j",
    (text) => {
      expect(() => rightOf(source("file"), `a/b\n${text}\n`)).toThrow(`${LIST}:2: "${text}" is not`);
    },
  );

  test("has a list that helps no pod of the API", () => {
    expect(rightOf(source("api"), "*/*").refusal).toContain("no annotation schedgate.dev/grant");
  });
});
