import { parseAllDocuments } from "yaml";
import * as z from "zod";
import { clip, messageOf, SchedgateError } from "../../common/errors.ts";

const header = z.looseObject({
  apiVersion: z.string().min(1),
  kind: z.string().min(1),
  metadata: z.looseObject({ name: z.string().nullish(), namespace: z.string().nullish() }).nullish(),
});

/** A Kubernetes object as written. */
export type KubeObject = z.infer<typeof header>;

/** One object of a file. */
export interface Document {
  /** For people: `pods.yaml, document 2`. */
  place: string;
  object: KubeObject;
}

/**
 * The objects of a file: JSON, or YAML with any number of documents. Lists are taken apart, empty documents passed over.
 * @throws SchedgateError E_INPUT that names the file, the document and what is wrong with it.
 */
export function readDocuments(file: string, text: string): Document[] {
  return contents(file, text).flatMap((content, i) => {
    const place = `${file === "-" ? "stdin" : file}, document ${i + 1}`;
    return content === null || content === undefined ? [] : takeApart(place, content);
  });
}

function contents(file: string, text: string): unknown[] {
  if (!/^\s*[{[]/.test(text)) return yamlContents(file, text);
  try {
    return [JSON.parse(text)];
  } catch {
    // A flow mapping of YAML begins like JSON, too: YAML's reader has the better message for both.
    return yamlContents(file, text);
  }
}

/** As kubectl reads YAML: version 1.1, but instants and `1:30` stay text. */
function yamlContents(file: string, text: string): unknown[] {
  const documents = parseAllDocuments(text, {
    version: "1.1",
    customTags: (tags) =>
      tags.filter(
        (tag) => typeof tag === "string" || !(tag.tag.endsWith(":timestamp") || tag.format === "TIME"),
      ),
  });
  return [...documents].map((document, i) => {
    const [problem] = document.errors;
    try {
      if (problem !== undefined) throw problem;
      return document.toJS({ maxAliasCount: 1000 }) as unknown;
    } catch (error) {
      const [first = ""] = messageOf(error).split("\n");
      throw unusable(
        `${file === "-" ? "stdin" : file}, document ${i + 1}`,
        `not YAML or JSON: ${first}`,
        error,
      );
    }
  });
}

function takeApart(place: string, content: unknown): Document[] {
  const parsed = header.safeParse(content);
  if (!parsed.success) {
    throw unusable(place, "not a Kubernetes object: it needs apiVersion, kind and metadata", parsed.error);
  }
  const { apiVersion, kind, items } = parsed.data;
  if (!kind.endsWith("List") || !Array.isArray(items)) return [{ place, object: parsed.data }];
  // The items of a typed list (PodList) may leave out what the list says for all of them.
  const common = kind === "List" ? {} : { apiVersion, kind: kind.slice(0, -"List".length) };
  return items.flatMap((item: unknown, i) =>
    takeApart(`${place}, item ${i + 1}`, typeof item === "object" ? { ...common, ...item } : item),
  );
}

/** Input that nobody can judge. */
export function unusable(place: string, what: string, cause?: unknown): SchedgateError {
  return new SchedgateError("E_INPUT", `${place}: ${clip(what)}; correct it and try again`, { cause });
}
