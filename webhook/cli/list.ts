import * as z from "zod";
import type { KubeApi } from "../../common/kube/port.ts";
import type { KubeObject } from "./documents.ts";

const PAGE = 500;

const page = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ continue: z.string().optional() }),
  items: z.array(z.looseObject({})).nullish(),
});

/** All objects of a list, page by page, each with its apiVersion and kind. @throws KubeApiError */
export async function listAll(api: KubeApi, path: string): Promise<KubeObject[]> {
  const all: KubeObject[] = [];
  let next: string | undefined;
  do {
    const answer = page.parse(
      await api.request({ method: "GET", path, query: { limit: PAGE, continue: next } }),
    );
    const of = { apiVersion: answer.apiVersion, kind: answer.kind.replace(/List$/, "") };
    for (const item of answer.items ?? []) all.push({ ...of, ...item });
    next = answer.metadata.continue;
  } while (next !== undefined && next !== "");
  return all;
}
