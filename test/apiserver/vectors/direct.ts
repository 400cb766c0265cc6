import { request } from "node:https";
import * as z from "zod";
import { resources } from "../../../common/kube/paths.ts";
import type { KubeApi } from "../../../common/kube/port.ts";
import { get } from "../cluster.ts";
import type { Json } from "../cluster.ts";
import type { Webhook } from "../webhook.ts";

/** What a caller that is not the API server gets. */
interface Reply {
  status: number;
  text: string;
}

/** Sends a body straight to the webhook, as anybody in the cluster can. */
export type Direct = (path: string, body: string | Buffer, type?: string) => Promise<Reply>;

const configuration = z.object({
  webhooks: z.array(z.object({ clientConfig: z.object({ caBundle: z.string() }) })),
});

/** A caller of this webhook that trusts what the API server trusts. */
export async function directTo(api: KubeApi, webhook: Webhook): Promise<Direct> {
  const live = configuration.parse(await get(api, resources.validatingWebhooks, { name: "schedgate" }));
  const ca = Buffer.from(live.webhooks[0]?.clientConfig.caBundle ?? "", "base64");
  return (path, body, type = "application/json") =>
    new Promise((resolve, reject) => {
      const options = { method: "POST", ca, headers: { "Content-Type": type } };
      const sent = request(`${webhook.url}${path}`, options, (response) => {
        let text = "";
        response.on("data", (chunk: Buffer) => (text += chunk.toString()));
        response.on("end", () => {
          resolve({ status: response.statusCode ?? 0, text });
        });
      });
      sent.on("error", reject);
      sent.end(body);
    });
}

/** An AdmissionReview, changed in parts. */
export function review(request: Json = {}, more: Json = {}): Json {
  return {
    apiVersion: "admission.k8s.io/v1",
    kind: "AdmissionReview",
    request: {
      uid: "u-1",
      kind: { group: "", version: "v1", kind: "Pod" },
      resource: { group: "", version: "v1", resource: "pods" },
      namespace: "trading",
      operation: "CREATE",
      userInfo: { username: "someone", groups: ["system:authenticated"] },
      ...request,
    },
    ...more,
  };
}
