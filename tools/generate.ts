// npm run generate [-- --check]: the files that are made from the source, so that nobody edits them by hand.
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stringify } from "yaml";
import { customResourceDefinitions } from "../common/api/crds.ts";

const folder = join(import.meta.dirname, "..", "manifests/prerequisites/crds");
const header = "# Made by `npm run generate` from common/api; do not edit.\n";

/** File name to content, in a fixed order. */
function wanted(): Map<string, string> {
  return new Map(
    customResourceDefinitions().map((crd) => [`${crd.spec.names.plural}.yaml`, header + yaml(crd)]),
  );
}

/** No anchors and no folding: the same text whatever the width of a value. */
function yaml(value: unknown): string {
  return stringify(value, { aliasDuplicateObjects: false, lineWidth: 0 });
}

/** File name to content of what is there now. */
async function present(): Promise<Map<string, string>> {
  await mkdir(folder, { recursive: true });
  const names = (await readdir(folder)).sort();
  return new Map(
    await Promise.all(names.map(async (name) => [name, await readFile(join(folder, name), "utf8")] as const)),
  );
}

const [want, have] = [wanted(), await present()];
const stale = [...new Set([...want.keys(), ...have.keys()])].filter(
  (name) => want.get(name) !== have.get(name),
);

if (process.argv.includes("--check")) {
  for (const name of stale)
    process.stderr.write(`manifests/prerequisites/crds/${name} is not what the source says\n`);
  if (stale.length > 0) process.stderr.write("run `npm run generate` and commit the result\n");
  process.exitCode = stale.length === 0 ? 0 : 1;
} else {
  for (const name of stale) {
    const content = want.get(name);
    await (content === undefined ? rm(join(folder, name)) : writeFile(join(folder, name), content));
    process.stdout.write(`manifests/prerequisites/crds/${name}\n`);
  }
}
