import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { resources } from "../../../common/kube/paths.ts";
import type { KubeApi } from "../../../common/kube/port.ts";
import { issueCa, issueLeaf } from "../../../certs/issue.ts";
import { create, remove } from "../cluster.ts";

const NAME = "zz-late";

/** Another mutating webhook, which the API server calls after ours: it puts annotations on pods with the label `late`. */
export async function startLateWebhook(
  api: KubeApi,
  annotations: Record<string, string>,
): Promise<{ stop(): Promise<void> }> {
  const ca = issueCa(new Date());
  const leaf = issueLeaf(ca, [{ ip: "127.0.0.1" }], new Date());
  const patch = Buffer.from(
    JSON.stringify([{ op: "add", path: "/metadata/annotations", value: annotations }]),
  ).toString("base64");
  const server = createServer({ cert: leaf.certificate, key: leaf.key }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const review = JSON.parse(Buffer.concat(chunks).toString("utf8")) as { request: { uid: string } };
      const answer = { uid: review.request.uid, allowed: true, patch, patchType: "JSONPatch" };
      response.setHeader("Content-Type", "application/json");
      response.end(
        JSON.stringify({ apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", response: answer }),
      );
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  await create(api, resources.mutatingWebhooks, {
    metadata: { name: NAME },
    webhooks: [
      {
        name: "late.example.com",
        admissionReviewVersions: ["v1"],
        sideEffects: "None",
        failurePolicy: "Fail",
        clientConfig: {
          url: `https://127.0.0.1:${String(port)}/`,
          caBundle: Buffer.from(ca.certificate).toString("base64"),
        },
        objectSelector: { matchExpressions: [{ key: "late", operator: "Exists" }] },
        rules: [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["pods"] }],
      },
    ],
  });
  return {
    stop: async () => {
      await remove(api, resources.mutatingWebhooks, { name: NAME });
      server.close();
      server.closeAllConnections();
    },
  };
}
