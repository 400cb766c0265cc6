import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "..");

/** The rows of a document's tables whose first cell is a number, as cells without their first, empty one. */
export function numberedRows(document: string): string[][] {
  return readFileSync(join(root, document), "utf8")
    .split("\n")
    .filter((line) => /^\| \d+ \|/.test(line))
    .map((line) => line.split("|").map((cell) => cell.trim()))
    .map((cells) => cells.slice(1, -1));
}

/** Tests as a cell names them: `file`: "name". */
export interface NamedTest {
  file: string;
  name: string;
}

/** @param folder of files that are named without one. */
export function namedTests(cell: string, folder = ""): NamedTest[] {
  return [...cell.matchAll(/`([^`]+)`: "([^"]+)"/g)].map(([, file = "", name = ""]) => ({
    file: file.includes("/") ? file : `${folder}${file}`,
    name,
  }));
}

/** Why there is no such test; undefined where there is. */
export function missingTest({ file, name }: NamedTest): string | undefined {
  const path = join(root, file);
  if (!existsSync(path)) return `there is no ${file}`;
  return readFileSync(path, "utf8").includes(`"${name}"`) ? undefined : `${file} has no test "${name}"`;
}
