import type { Json } from "../apiserver/cluster.ts";
import { KubeApiError } from "../../common/kube/port.ts";

/** Who failed a create: the webhook by its answer, the call to the webhook, or the API server itself. */
export type Verdict =
  | { by: "webhook" | "call"; reason: string }
  | { by: "refusal" }
  | { by: "again" }
  | { by: "api server" }
  | { by: "exists"; made?: Json };

/** Admission plugins of the API server that are still starting, and what it says of namespaces that it does not know yet. */
const STARTING = /not yet ready to handle request|error looking up service account/;

/** What a failed create says. Whatever is not known to be the API server's own is the webhook's. */
export function verdictOf(error: unknown): Verdict {
  if (!(error instanceof KubeApiError)) throw error;
  const { status, message } = error;
  if (message.includes("failed calling webhook")) return { by: "call", reason: short(message) };
  if (message.includes("denied the request") && status === 503) return { by: "again" };
  if (message.includes("denied the request"))
    return message.includes("is protected by HookProfile")
      ? { by: "refusal" }
      : { by: "webhook", reason: short(message) };
  if (status === 409) return { by: "exists" };
  const own = status === 0 || status === 429 || status >= 500 || STARTING.test(message);
  return own ? { by: "api server" } : { by: "webhook", reason: short(message) };
}

/** The end of a message, without what differs from pod to pod. */
function short(message: string): string {
  const [, webhook = ""] = /webhook "([^".]+)/.exec(message) ?? [];
  const end = message.split(/denied the request: |failed to call webhook: /).at(-1) ?? message;
  return `${webhook} ${end}`
    .replaceAll(/127\.0\.0\.1:\d+/g, "ADDRESS")
    .replaceAll(/"?https:\/\/\S+/g, "URL")
    .replaceAll(/-\d+\b/g, "-N")
    .slice(0, 160)
    .trim();
}
