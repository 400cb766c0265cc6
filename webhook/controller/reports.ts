import { isDeepStrictEqual } from "node:util";
import * as z from "zod";
import type { Clock } from "../../common/clock.ts";
import { messageOf } from "../../common/errors.ts";
import { pathOf, resources } from "../../common/kube/paths.ts";
import type { ResourceName } from "../../common/kube/paths.ts";
import { hasStatus } from "../../common/kube/port.ts";
import type { KubeApi } from "../../common/kube/port.ts";
import type { Logger } from "../../common/log.ts";
import type { Audit, Detail } from "./audit.ts";

const LABEL = { "app.kubernetes.io/managed-by": "schedgate" };
const NAME = "schedgate";
const PAGE = 50;

/** The same report for the readers of either kind. */
const KINDS = { PolicyReport: resources.policyReports, Report: resources.openReports };

const listSchema = z.object({
  metadata: z.object({ continue: z.string().optional() }),
  items: z
    .array(
      z.looseObject({
        metadata: z.looseObject({ name: z.string(), namespace: z.string() }),
        summary: z.unknown(),
        results: z.unknown(),
      }),
    )
    .nullish(),
});

/** What is there is listed anew this often, against whatever others do to it: the API server looks through all reports of all tools for it. */
const LIST_MS = 600_000;

export interface ReportsOptions {
  api: KubeApi;
  clock: Clock;
  log: Logger;
}

/** Summary and results, by namespace, of one kind of report. */
type Live = Map<string, object>;

/** A report in each namespace with unauthorized pods, of each kind of report that the cluster knows; none elsewhere. */
export class Reports {
  readonly #options: ReportsOptions;
  readonly #known = new Map<string, { live: Live; listedAt: number }>();

  constructor(options: ReportsOptions) {
    this.#options = options;
  }

  /** Somebody else may have written since. */
  forget(): void {
    this.#known.clear();
  }

  /** Writes what an audit found. @throws where the API server does not say what is there. */
  async write(audit: Audit, signal: AbortSignal): Promise<void> {
    const send: KubeApi["request"] = (call) => this.#options.api.request({ ...call, signal });
    for (const [kind, resource] of Object.entries(KINDS)) {
      const live = await this.#live(send, kind, resource);
      if (live === undefined) continue;
      for (const namespace of new Set([...audit.namespaces.keys(), ...live.keys()])) {
        if (signal.aborted) return;
        const wanted = reportOf(audit, namespace);
        await put(send, { kind, resource, namespace, wanted, live }).catch((error: unknown) => {
          this.#known.delete(kind);
          this.#options.log.warn({ kind, namespace, error: messageOf(error) }, "could not write a report");
        });
      }
    }
  }

  async #live(send: KubeApi["request"], kind: string, resource: ResourceName): Promise<Live | undefined> {
    const now = this.#options.clock.now().getTime();
    const known = this.#known.get(kind);
    if (known !== undefined && now - known.listedAt < LIST_MS) return known.live;
    const live = await ownReports(send, resource);
    if (live !== undefined) this.#known.set(kind, { live, listedAt: now });
    return live;
  }
}

/** Summary and results by namespace; undefined where the cluster does not know the kind. */
async function ownReports(send: KubeApi["request"], resource: ResourceName): Promise<Live | undefined> {
  try {
    return await listReports(send, resource);
  } catch (error) {
    if (hasStatus(error, 404)) return undefined;
    throw error;
  }
}

async function listReports(send: KubeApi["request"], resource: ResourceName): Promise<Live> {
  const found: Live = new Map();
  const labelSelector = Object.entries(LABEL)
    .map((each) => each.join("="))
    .join();
  let token: string | undefined;
  do {
    const query = { labelSelector, limit: PAGE, continue: token };
    const page = listSchema.parse(await send({ method: "GET", path: pathOf(resource), query }));
    const own = (page.items ?? []).filter(({ metadata }) => metadata.name === NAME);
    for (const { metadata, summary, results } of own) found.set(metadata.namespace, { summary, results });
    token = page.metadata.continue;
  } while (token);
  return found;
}

interface Write {
  kind: string;
  resource: ResourceName;
  namespace: string;
  wanted: object | undefined;
  /** What is there, and what is after. */
  live: Live;
}

async function put(
  send: KubeApi["request"],
  { kind, resource, namespace, wanted, live }: Write,
): Promise<void> {
  if (isDeepStrictEqual(wanted, live.get(namespace))) return;
  const path = pathOf(resource, { namespace, name: NAME });
  if (wanted === undefined) {
    await send({ method: "DELETE", path }).catch((error: unknown) => {
      if (!hasStatus(error, 404)) throw error;
    });
    live.delete(namespace);
    return;
  }
  const apiVersion = `${resource.group}/${resource.version}`;
  const body = { apiVersion, kind, metadata: { name: NAME, namespace, labels: LABEL }, ...wanted };
  await send({
    method: "PATCH",
    patch: "apply",
    path,
    query: { fieldManager: "schedgate", force: true },
    body,
  });
  live.set(namespace, wanted);
}

/** What a namespace's report says; undefined for no report. The summary counts all, the results are the first of them. */
function reportOf(audit: Audit, namespace: string): { summary: object; results: object[] } | undefined {
  const found = audit.namespaces.get(namespace);
  if (found === undefined) return undefined;
  const summary = { pass: 0, fail: found.refused, warn: found.warned, error: 0, skip: 0 };
  return { summary, results: found.details.map(resultOf) };
}

function resultOf({ record, profile, refused, line }: Detail): object {
  const { namespace, name } = record.pod;
  return {
    policy: profile,
    rule: "unauthorized",
    category: "schedgate",
    source: "schedgate",
    result: refused ? "fail" : "warn",
    severity: refused ? "high" : "medium",
    message: line,
    resources: [{ apiVersion: "v1", kind: "Pod", namespace, name, uid: record.uid }],
  };
}
