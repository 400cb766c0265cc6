import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { pathOf, resources } from "../../../common/kube/paths.ts";
import type { KubeApi } from "../../../common/kube/port.ts";
import { issueCa, issueLeaf } from "../../../certs/issue.ts";
import { create, eventually, remove } from "../cluster.ts";
import type { Json } from "../cluster.ts";

/** A webhook of somebody else, which allows all. */
export interface OtherWebhook {
  kind: "mutating" | "validating";
  /** What it is called for: the rule's resources and operations. */
  rule: { resources: string[]; operations: string[] };
  /** More of its configuration. */
  more?: Json;
  /** What its answer says beside that it allows. */
  answer(): Promise<Json> | Json;
}

// The API server calls mutating webhooks in the order of their names.
const NAME = "zz-other";

interface Review {
  request: { uid: string; resource: { resource: string } };
}

/** Serves it, and tells the API server of it, until it is stopped. It is called from when this returns. */
export async function startOtherWebhook(
  api: KubeApi,
  other: OtherWebhook,
): Promise<{ stop(): Promise<void> }> {
  const ca = issueCa(new Date());
  const leaf = issueLeaf(ca, [{ ip: "127.0.0.1" }], new Date());
  let isCalled = false;
  const server = createServer({ cert: leaf.certificate, key: leaf.key }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const review = JSON.parse(Buffer.concat(chunks).toString("utf8")) as Review;
      const { uid, resource } = review.request;
      const isProbe = resource.resource === "configmaps";
      isCalled ||= isProbe;
      const answer = async (): Promise<void> => {
        const said = { uid, allowed: true, ...(isProbe ? {} : await other.answer()) };
        response.setHeader("Content-Type", "application/json");
        response.end(
          JSON.stringify({ apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", response: said }),
        );
      };
      answer().catch((error: unknown) => response.writeHead(500).end(String(error)));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const resource = other.kind === "mutating" ? resources.mutatingWebhooks : resources.validatingWebhooks;
  const common = {
    admissionReviewVersions: ["v1"],
    sideEffects: "None",
    failurePolicy: "Fail",
    clientConfig: {
      url: `https://127.0.0.1:${String(port)}/`,
      caBundle: Buffer.from(ca.certificate).toString("base64"),
    },
  };
  const rules = (rule: OtherWebhook["rule"]): Json[] => [{ apiGroups: [""], apiVersions: ["v1"], ...rule }];
  const webhook = { ...common, name: "other.example.com", rules: rules(other.rule), ...other.more };
  const probe = {
    ...common,
    name: "probe.example.com",
    rules: rules({ resources: ["configmaps"], operations: ["CREATE"] }),
  };
  await create(api, resource, { metadata: { name: NAME }, webhooks: [webhook, probe] });
  await eventually("the API server to know the other webhook", async () => {
    const path = pathOf(resources.configMaps, { namespace: "default" });
    const probing = { body: { metadata: { name: NAME } }, query: { dryRun: "All" } };
    // The API server may still call the one before this, which is gone.
    await api.request({ method: "POST", path, ...probing }).catch(() => undefined);
    return isCalled ? true : undefined;
  });
  return {
    stop: async () => {
      await remove(api, resource, { name: NAME });
      server.close();
      server.closeAllConnections();
    },
  };
}
