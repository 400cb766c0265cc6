import { writeSync } from "node:fs";
import { messageOf } from "../../common/errors.ts";
import { nodeHostFs } from "../host/host-fs.ts";
import { openIsolation } from "../isolation/open.ts";
import * as commands from "./companion.ts";
import { noteTo } from "./companion-log.ts";
import { companionConfig } from "./config.ts";
import { readStdin } from "./hook-state.ts";

// Never process.stdout or console: they would leave an inherited pipe non-blocking for whoever shares it.
const STDOUT = 1;
const STDERR = 2;

const USAGE = "start ID | update ID | delete ID | createRuntime | poststop | reconcile | status";

async function main([command = "", id = ""]: readonly string[]): Promise<number> {
  const config = companionConfig();
  const hostFs = nodeHostFs();
  const open = () => openIsolation(hostFs, config.runDir, config.cgroupRoot);
  const companion = { hostFs, config, open, note: noteTo(config.runDir) };
  switch (command) {
    case "start":
      return refused(await commands.start(companion, id), STDOUT);
    case "createRuntime":
      return refused(await commands.createRuntime(companion, readStdin()), STDERR);
    case "update":
      await commands.update(companion, id);
      return 0;
    case "delete":
      await commands.remove(companion, id);
      return 0;
    case "poststop":
      await commands.poststop(companion, readStdin());
      return 0;
    case "reconcile":
    case "status":
      writeSync(STDOUT, `${await commands.report(companion, command === "reconcile")}\n`);
      return 0;
    default:
      return refused(`usage: companion ${USAGE}`, STDERR);
  }
}

function refused(message: string | undefined, fd: number): number {
  if (message === undefined) return 0;
  writeSync(fd, `schedgate: ${message}\n`);
  return 1;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.exitCode = refused(messageOf(error), STDERR);
}
