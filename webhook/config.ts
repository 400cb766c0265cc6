import * as z from "zod";
import { SchedgateError } from "../common/errors.ts";
import { kubeAccess } from "../common/kube/access.ts";
import type { KubeAccess } from "../common/kube/access.ts";

const port = z.coerce.number().int().min(1).max(65535);

/** Old CAs stay trusted for as long as a leaf of theirs may live: a week (certs/issue.ts). */
const WEEK_MINUTES = 7 * 24 * 60;

const schema = z.object({
  SCHEDGATE_NAMESPACE: z.string().min(1).default("schedgate-system"),
  SCHEDGATE_POD_NAME: z.string().min(1).default("local"),
  SCHEDGATE_PORT: port.default(8443),
  SCHEDGATE_HEALTH_PORT: port.default(8081),
  SCHEDGATE_SERVICE: z.string().min(1).default("schedgate-webhook"),
  SCHEDGATE_SECRET: z.string().min(1).default("schedgate-webhook-ca"),
  SCHEDGATE_LEASE: z.string().min(1).default("schedgate-webhook"),
  SCHEDGATE_LEAF_MINUTES: z.coerce.number().int().min(31).max(WEEK_MINUTES).default(WEEK_MINUTES),
  SCHEDGATE_BACKSTOP: z.string().min(1).default("schedgate-backstop"),
  SCHEDGATE_CERTIFICATE_DIR: z.string().min(1).optional(),
  SCHEDGATE_CONFIGURATION: z.string().min(1).default("schedgate"),
  SCHEDGATE_URL: z.url({ protocol: /^https$/ }).optional(),
  SCHEDGATE_DRAIN_SECONDS: z.coerce.number().int().min(0).max(300).default(95),
  SCHEDGATE_STALE_SECONDS: z.coerce.number().int().min(4).max(3600).default(180),
  LOG_LEVEL: z.enum(["trace", "debug", "info", "warn", "error", "fatal"]).default("info"),
});

/** Everything that may differ between two places where the webhook runs. */
export interface Config {
  namespace: string;
  podName: string;
  port: number;
  healthPort: number;
  service: string;
  secret: string;
  lease: string;
  /** Life of this replica's own serving certificate, milliseconds. Renewed after two thirds of it and of the hour before. */
  leafMs: number;
  /** The ConfigMap with the backstop's parameters; where there is none, there is no backstop. */
  backstop: string;
  /** Set: tls.crt, tls.key and ca.crt are read from here (cert-manager), and the Secret is not used. */
  certificateDir: string | undefined;
  configuration: string;
  /** Set: the API server is told this URL in place of the Service. For a process outside the cluster. */
  url: string | undefined;
  /** So long it serves on at most after SIGTERM while an API server is still connected, milliseconds. */
  drainMs: number;
  /** Who heard nothing of the API server for so long judges nothing and is not ready, milliseconds. */
  staleMs: number;
  kube: KubeAccess;
  logLevel: string;
}

/** Reads the environment. @throws SchedgateError E_CONFIG that names each variable that is wrong. */
export function readConfig(environment: NodeJS.ProcessEnv = process.env): Config {
  const parsed = schema.safeParse(environment);
  if (!parsed.success) {
    throw new SchedgateError("E_CONFIG", `the environment is wrong: ${z.prettifyError(parsed.error)}`);
  }
  const env = parsed.data;
  return {
    namespace: env.SCHEDGATE_NAMESPACE,
    podName: env.SCHEDGATE_POD_NAME,
    port: env.SCHEDGATE_PORT,
    healthPort: env.SCHEDGATE_HEALTH_PORT,
    service: env.SCHEDGATE_SERVICE,
    secret: env.SCHEDGATE_SECRET,
    lease: env.SCHEDGATE_LEASE,
    leafMs: env.SCHEDGATE_LEAF_MINUTES * 60_000,
    backstop: env.SCHEDGATE_BACKSTOP,
    certificateDir: env.SCHEDGATE_CERTIFICATE_DIR,
    configuration: env.SCHEDGATE_CONFIGURATION,
    url: env.SCHEDGATE_URL,
    drainMs: env.SCHEDGATE_DRAIN_SECONDS * 1000,
    staleMs: env.SCHEDGATE_STALE_SECONDS * 1000,
    kube: kubeAccess(environment),
    logLevel: env.LOG_LEVEL,
  };
}
