#!/usr/bin/env node
import { existsSync } from "node:fs";
import { basename } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import { systemClock as clock } from "../../common/clock.ts";
import { connectChosen } from "../../common/kube/client.ts";
import { readCliConfig } from "./config.ts";
import { readText } from "./files.ts";
import { runProgram } from "./program.ts";
import type { World } from "./world.ts";

const config = readCliConfig();
const [, path = "", ...words] = process.argv;
const calledAs = basename(path);

const world: World = {
  program: calledAs.startsWith("kubectl-") ? "kubectl schedgate" : "schedgate",
  version: manifest.version,
  clock,
  print: (text) => process.stdout.write(`${text}\n`),
  complain: (line) => process.stderr.write(`${line}\n`),
  read: (file) => readText(file, process.stdin),
  connect(args) {
    // The files that exist, unless one is named: that one must.
    const named = args.get("kubeconfig");
    const kubeconfigs = named === undefined ? config.kubeconfigs.filter((each) => existsSync(each)) : [named];
    return connectChosen({ kubeconfigs, inCluster: config.inCluster, context: args.get("context") });
  },
};

// A reader that has seen enough (`| head`) closes the pipe: no fault, and nobody is left to tell.
process.stdout.once("error", () => process.exit());

// kubectl's convention for completing a plugin: a program of this name on the PATH.
const argv = calledAs === "kubectl_complete-schedgate" ? ["__complete", ...words] : words;
process.exitCode = await runProgram(argv, world);
