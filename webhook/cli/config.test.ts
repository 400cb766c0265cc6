import { expect, test } from "@jest/globals";
import { readCliConfig } from "./config.ts";

test.each<[string, NodeJS.ProcessEnv, string[]]>([
  ["KUBECONFIG's files, in order", { KUBECONFIG: "/a::/b", HOME: "/home/x" }, ["/a", "/b"]],
  ["the home directory's", { HOME: "/home/x" }, ["/home/x/.kube/config"]],
  ["the home directory's where KUBECONFIG is empty", { KUBECONFIG: "", HOME: "/h" }, ["/h/.kube/config"]],
  ["none where there is no home", {}, []],
])("kubeconfigs: %s", (_, environment, kubeconfigs) => {
  expect(readCliConfig(environment).kubeconfigs).toEqual(kubeconfigs);
});
