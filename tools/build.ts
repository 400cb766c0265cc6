// npm run build: the programs of the image as one file each, in dist/.
import { chmod, copyFile, mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";
import type { Plugin } from "esbuild";

const root = join(import.meta.dirname, "..");
const dist = join(root, "dist");

/** What runs in the image; a part that few runs need (kubeconfig files) is a file of its own beside them. */
const programs = {
  webhook: "webhook/main.ts",
  agent: "node-agent/daemon/main.ts",
  install: "node-agent/install/main.ts",
};
/** What the installer puts on the host: a file a program, and the shell entries that a node starts. */
const onHost = { companion: "node-agent/oci/main.ts", node: "node-agent/cli/main.ts" };
const scripts = [
  "node-agent/oci/asking.sh",
  "node-agent/oci/settings.sh",
  "node-agent/oci/launcher.sh",
  "node-agent/oci/hook.sh",
  "node-agent/cli/schedgate-node.sh",
];
/** What people put on their PATH: one file that needs nothing beside it. */
const command = { schedgate: "webhook/cli/main.ts" };

// CommonJS packages inside an ES module bundle call require(); Node gives it to them this way.
const requireForCommonJs =
  'import { createRequire as schedgateCreateRequire } from "node:module"; const require = schedgateCreateRequire(import.meta.url);';

/**
 * An import of a built-in module makes Node read each of its exports, and one export of node:http is undici: a seventh of
 * the webhook's start. Asked for by name it reads what is used (https://nodejs.org/api/process.html#processgetbuiltinmoduleid).
 */
const builtins: Plugin = {
  name: "builtins",
  setup: (bundle) => {
    bundle.onResolve({ filter: /^node:/ }, ({ path }) => ({ path, namespace: "builtin" }));
    bundle.onLoad({ filter: /.*/, namespace: "builtin" }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)})`,
    }));
  },
};

/**
 * What express loads for those who read bodies through it and guess types of files: half of the webhook's bundle, a fifth of
 * its start. It serves three plain texts here (ADR 11).
 */
const unused: Plugin = {
  name: "unused",
  setup: (bundle) => {
    bundle.onResolve({ filter: /^(body-parser|mime-db)$/ }, ({ path }) => ({ path, namespace: "unused" }));
    bundle.onLoad({ filter: /.*/, namespace: "unused" }, () => ({ contents: "module.exports = {}" }));
  },
};

await rm(dist, { recursive: true, force: true });
await mkdir(dist, { recursive: true });
for (const [entries, splitting] of [
  [programs, true],
  [{ ...onHost, ...command }, false],
] as const) {
  await build({
    entryPoints: Object.entries(entries).map(([out, path]) => ({ out, in: join(root, path) })),
    outdir: dist,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting,
    // Names stay, for stack traces: `keepNames` keeps them by a call for each closure that is made, also in hot paths.
    minifyWhitespace: true,
    minifySyntax: true,
    platform: "node",
    format: "esm",
    target: "node24",
    banner: { js: requireForCommonJs },
    legalComments: "none",
    plugins: [builtins, unused],
    logLevel: "warning",
  });
}
await Promise.all(
  scripts.map((path) => copyFile(join(root, path), join(dist, path.split("/").at(-1) ?? path))),
);
// The command bears its bare name, and its first line says what runs it.
await rename(join(dist, "schedgate.mjs"), join(dist, "schedgate"));
await chmod(join(dist, "schedgate"), 0o755);
