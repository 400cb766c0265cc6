import { isDeepStrictEqual } from "node:util";

/** The fields, by path, in which a live value is not as it should be; only the innermost, at most 10. For people. */
export function differences(live: unknown, wanted: unknown, path = ""): string[] {
  if (isDeepStrictEqual(live, wanted)) return [];
  if (!isTree(live) || !isTree(wanted)) return [path];
  const keys = new Set([...Object.keys(live), ...Object.keys(wanted)]);
  const under = (key: string): string => {
    if (Array.isArray(wanted)) return `${path}[${key}]`;
    return path === "" ? key : `${path}.${key}`;
  };
  return [...keys].flatMap((key) => differences(live[key], wanted[key], under(key))).slice(0, 10);
}

function isTree(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
