import { once } from "node:events";
import type { ClientRequest, OutgoingHttpHeaders } from "node:http";
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

/** What a webhook says in a review. */
interface Judgement {
  allowed: boolean;
  patch?: string;
}

/** A caller of the webhook that is not the API server, as anybody in the cluster can be. */
export interface Direct {
  /** Sends a body. */
  send(path: string, body: string | Buffer, type?: string): Promise<Reply>;
  /** Asks as a dry run of a pod's create there does. */
  judge(path: string, namespace: string, pod: Json): Promise<Judgement>;
  /** Begins a body of so many bytes and never ends it. Resolves when the webhook reads; `cut` when it will no more. */
  begin(path: string, bytes: number): Promise<{ cut: Promise<unknown> }>;
  /** The same caller at another address of this machine. */
  from(localAddress: string): Direct;
}

const configuration = z.object({
  webhooks: z.array(z.object({ clientConfig: z.object({ caBundle: z.string() }) })),
});

/** A caller of this very webhook, whatever others share its URL, that trusts what the API server trusts. */
export async function directTo(api: KubeApi, { port }: Pick<Webhook, "port">): Promise<Direct> {
  const live = configuration.parse(await get(api, resources.validatingWebhooks, { name: "schedgate" }));
  const ca = Buffer.from(live.webhooks[0]?.clientConfig.caBundle ?? "", "base64").toString("utf8");
  return directFrom("127.0.0.1", port, ca);
}

function directFrom(localAddress: string, port: number, ca: string): Direct {
  const call = (path: string, headers: OutgoingHttpHeaders): ClientRequest =>
    request(`https://127.0.0.1:${port}${path}`, { method: "POST", ca, headers, localAddress });
  const send: Direct["send"] = (path, body, type = "application/json") =>
    new Promise((resolve, reject) => {
      const sent = call(path, { "Content-Type": type });
      sent.on("response", (response) => {
        let text = "";
        response.on("data", (chunk: Buffer) => (text += chunk.toString()));
        response.on("end", () => {
          resolve({ status: response.statusCode ?? 0, text });
        });
      });
      sent.on("error", reject);
      sent.end(body);
    });
  return {
    from: (other) => directFrom(other, port, ca),
    send,
    judge: async (path, namespace, object) => {
      const asked = JSON.stringify(review({ namespace, object, dryRun: true }));
      return (JSON.parse((await send(path, asked)).text) as { response: Judgement }).response;
    },
    begin: async (path, bytes) => {
      const headers = { "Content-Type": "application/json", "Content-Length": bytes, Expect: "100-continue" };
      const begun = call(path, headers);
      const cut = once(begun, "error");
      begun.flushHeaders();
      await Promise.race([once(begun, "continue"), cut]);
      begun.write("{");
      return { cut };
    },
  };
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
