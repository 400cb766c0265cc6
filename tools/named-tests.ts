import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";

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
  return testsIn(readFileSync(path, "utf8")).includes(name) ? undefined : `${file} has no test "${name}"`;
}

/** The names of the tests in a source, of `test.each` as they are written, and of a guest's scenarios. Not those that never run. */
export function testsIn(source: string): string[] {
  const makers = new Set(["test"]);
  const names: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isVariableDeclaration(node) && ts.isIdentifier(node.name) && isMaker(node.initializer))
      makers.add(node.name.text);
    if (ts.isCallExpression(node) && isTest(node.expression, makers)) {
      const [name] = node.arguments;
      if (name !== undefined && ts.isStringLiteralLike(name)) names.push(name.text);
    }
    if (ts.isObjectLiteralExpression(node)) names.push(...scenarioIn(node));
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile("x.test.ts", source, ts.ScriptTarget.Latest));
  return names;
}

/** `testOn(…)` of test/prerequisite.ts, which gives a `test`. */
function isMaker(node: ts.Expression | undefined): boolean {
  return (
    node !== undefined &&
    ts.isCallExpression(node) &&
    ts.isIdentifier(node.expression) &&
    node.expression.text === "testOn"
  );
}

function isTest(callee: ts.Expression, makers: ReadonlySet<string>): boolean {
  if (ts.isIdentifier(callee)) return makers.has(callee.text);
  if (ts.isPropertyAccessExpression(callee))
    return !/^(skip|todo|failing)$/.test(callee.name.text) && isTest(callee.expression, makers);
  if (ts.isParenthesizedExpression(callee)) return isTest(callee.expression, makers);
  if (ts.isConditionalExpression(callee))
    return [callee.whenTrue, callee.whenFalse].some((each) => isTest(each, makers));
  return isMaker(callee) || (ts.isCallExpression(callee) && isTest(callee.expression, makers));
}

// A scenario of test/kernels/guest: what has a name and is played.
function scenarioIn(node: ts.ObjectLiteralExpression): string[] {
  const found = new Map(
    node.properties.flatMap((each) =>
      ts.isPropertyAssignment(each) && ts.isIdentifier(each.name)
        ? [[each.name.text, each.initializer] as const]
        : [],
    ),
  );
  const name = found.get("name");
  return found.has("play") && name !== undefined && ts.isStringLiteralLike(name) ? [name.text] : [];
}
