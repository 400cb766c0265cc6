import { type TomlTable, type TomlValue, parse } from "smol-toml";
import { SchedgateError, messageOf } from "../../common/errors.ts";

export type { TomlTable };

/** Reads TOML. @throws SchedgateError E_TOML that names the file. */
export function parseToml(text: string, name: string): TomlTable {
  try {
    return parse(text);
  } catch (cause) {
    throw new SchedgateError("E_TOML", `${name} is not TOML: ${messageOf(cause)}`, { cause });
  }
}

/** The table at a path of keys, {} where there is none. */
export function tableAt(table: TomlTable, ...keys: readonly string[]): TomlTable {
  let at = table;
  for (const key of keys) {
    const next = at[key];
    if (typeof next !== "object" || Array.isArray(next) || next instanceof Date) return {};
    at = next;
  }
  return at;
}

/** A text at a key, undefined where there is none or it is empty. */
export function textAt(table: TomlTable, key: string): string | undefined {
  const value = table[key];
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** `[a."b.c"]` and a line for each scalar or list of scalars of the table; deeper tables are left out. */
export function tomlTable(path: readonly string[], values: TomlTable): string {
  const lines = Object.entries(values).flatMap(([key, value]) => {
    const text = scalar(value);
    return text === undefined ? [] : [`${bare(key)} = ${text}\n`];
  });
  return `[${path.map(bare).join(".")}]\n${lines.join("")}`;
}

// A JSON string is a TOML basic string: the same escapes.
function scalar(value: TomlValue): string | undefined {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (!Array.isArray(value)) return undefined;
  const items = value.map(scalar);
  return items.includes(undefined) ? undefined : `[${items.join(", ")}]`;
}

function bare(key: string): string {
  return /^[A-Za-z0-9_-]+$/.test(key) ? key : JSON.stringify(key);
}
