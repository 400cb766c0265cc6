import { execFileSync } from "node:child_process";
import { messageOf } from "../../common/errors.ts";
import { nodeHostFs } from "../host/host-fs.ts";
import { openIsolation } from "../isolation/open.ts";
import type { Isolation } from "../isolation/reconcile.ts";
import { companionConfig } from "../oci/config.ts";
import { type Said, doctor, mend, restore, status } from "./commands.ts";

const USAGE = `usage: schedgate-node COMMAND
  status     what is isolated, for whom, and how that is shown
  reconcile  bring the kernel to what the ledger says, and rebuild lost entries
  restore    give every CPU back, also those of living containers
  doctor     what is wrong with this node's set-up
exit code: 0 all is well, 1 something is wrong, 2 the command could not do its work
`;

const hostFs = nodeHostFs();
const config = companionConfig();
const open = (): Isolation => openIsolation(hostFs, config.runDir, config.cgroupRoot);

function hasFlock(): boolean {
  try {
    execFileSync("flock", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

function run(command: string): Said | Promise<Said> | undefined {
  switch (command) {
    case "status":
      return status(open());
    case "reconcile":
      return mend(open(), config);
    case "restore":
      return restore(open(), config);
    case "doctor":
      return doctor(hostFs, config, open, { hasFlock: hasFlock(), isRoot: process.getuid?.() === 0 });
    default:
      return undefined;
  }
}

try {
  const said = await run(process.argv[2] ?? "");
  if (said === undefined) process.stderr.write(USAGE);
  else process.stdout.write(`${said.lines.join("\n")}\n`);
  process.exitCode = said === undefined ? 2 : said.well ? 0 : 1;
} catch (error) {
  process.stderr.write(`schedgate-node: ${messageOf(error)}\n`);
  process.exitCode = 2;
}
