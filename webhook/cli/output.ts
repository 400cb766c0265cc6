import { stringify } from "yaml";
import type { Options } from "./command.ts";

/** `-o json|yaml` in place of text for people. */
export const OUTPUT: Options = {
  output: {
    type: "string",
    short: "o",
    value: "FORMAT",
    choices: ["json", "yaml"],
    help: "print data instead",
  },
};

/** Data in the form asked for; `text` makes what people read. */
export function formatted(form: string | undefined, data: unknown, text: () => string): string {
  if (form === "json") return JSON.stringify(data, undefined, 2);
  return form === "yaml" ? yaml(data) : text();
}

/**
 * Without anchors and folding, so that it can be read, kept and compared. kubectl reads YAML 1.1, to which a plain `on`
 * is no name.
 */
export function yaml(data: unknown): string {
  return stringify(data, { aliasDuplicateObjects: false, lineWidth: 0, compat: "yaml-1.1" }).trimEnd();
}
