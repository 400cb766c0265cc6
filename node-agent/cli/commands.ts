import { messageOf } from "../../common/errors.ts";
import { type HostFs, readIfThere } from "../host/host-fs.ts";
import { readInstalled } from "../host/installed.ts";
import { hookDirs } from "../hooks/hook-dirs.ts";
import { type ObservedHook, observedHooks, readHooks } from "../hooks/observe.ts";
import { failuresIn } from "../isolation/failures.ts";
import { type Isolation, reconcile, settle } from "../isolation/reconcile.ts";
import { forgetAsk } from "../oci/asks.ts";
import type { CompanionConfig } from "../oci/config.ts";
import { lostFinder } from "../oci/lost.ts";
import { rebuild } from "../oci/rebuild.ts";
import { staticPodGlobs } from "../oci/static-pods.ts";
import { type SetUp, findings, remarks } from "./doctor.ts";
import { lookAt, statusLines } from "./status.ts";

/** What a command says, and whether all is well. */
export interface Said {
  lines: readonly string[];
  well: boolean;
}

const ATTEMPTS = 10;

/** What is isolated, for whom, and how that is shown. */
export function status(isolation: Isolation): Said {
  const state = lookAt(isolation);
  return { lines: statusLines(state), well: state.problems.length + state.proof.missing.length === 0 };
}

/** Brings the kernel to what the ledger says, and the ledger to what living containers say. @throws SchedgateError E_LOCK */
export async function mend(isolation: Isolation, config: CompanionConfig): Promise<Said> {
  const first = await reconcile(isolation, ATTEMPTS);
  const rebuilt: string[] = [];
  const lost = lostFinder(isolation.hostFs, isolation.hostFs, config.runDir, isolation.clock)();
  await rebuild(isolation, config, (_, message) => rebuilt.push(message), lost);
  const { changed, problems } = rebuilt.length === 0 ? first : await reconcile(isolation, ATTEMPTS);
  const { lines, well } = status(isolation);
  const did =
    first.changed || changed ? "the kernel was brought to what the ledger says" : "there was nothing to do";
  return {
    lines: [did, ...rebuilt, ...lines, ...problems.map((problem) => `problem: ${problem}`)],
    well: well && problems.length === 0,
  };
}

/** Gives every CPU back, also those of living containers, which run on. @throws SchedgateError E_LOCK */
export async function restore(isolation: Isolation, { runDir }: CompanionConfig): Promise<Said> {
  const { owners, outcome } = await isolation.lock(async () => {
    const { owners: all } = isolation.ledger.read();
    // With its note in place a container without an entry is one whose entry was lost.
    for (const { id } of all) forgetAsk(isolation.hostFs, runDir, id);
    for (const { id } of all) isolation.ledger.remove(id);
    return { owners: all, outcome: await settle(isolation, ATTEMPTS, "everybody") };
  });
  const lines = owners.map(({ id, cpus }) => `container ${id} no longer owns CPUs ${cpus || "(none)"}`);
  const problems = outcome.problems.map((problem) => `problem: ${problem}`);
  return { lines: [...lines, ...problems, ...status(isolation).lines], well: problems.length === 0 };
}

/** What is wrong with this node's set-up. `open` may throw: that is a finding. */
export function doctor(
  hostFs: HostFs,
  config: CompanionConfig,
  open: () => Isolation,
  machine: Pick<SetUp, "hasFlock" | "isRoot">,
): Said {
  const installed = readInstalled(hostFs, config.runDir);
  let backendError: string | undefined;
  let state: Said = { lines: [], well: true };
  try {
    state = status(open());
  } catch (error) {
    backendError = messageOf(error);
  }
  const setUp: SetUp = {
    ...machine,
    backendError,
    installed,
    runtimeConfig: installed === undefined ? undefined : readIfThere(hostFs, installed.config),
    kubeletState: readIfThere(hostFs, config.kubeletState),
    kubeletStatePath: config.kubeletState,
    staticPodsFlaw: flawOf(() => staticPodGlobs(readIfThere(hostFs, config.staticPods), config.staticPods)),
    onFailure: config.onFailure,
    hooks: hooksOf(hostFs),
    lastFailure: lastFailure(readIfThere(hostFs, `${config.runDir}/companion.log`) ?? ""),
  };
  const found = [
    ...findings(setUp),
    ...pendingChange(hostFs, config.runDir),
    ...failuresIn(hostFs, config.runDir),
  ];
  const verdict =
    found.length === 0 ? ["containers can be isolated here"] : found.map((one) => `wrong: ${one}`);
  const noted = remarks(setUp).map((remark) => `note: ${remark}`);
  return { lines: [...verdict, ...noted, ...state.lines], well: found.length === 0 && state.well };
}

// What the installer waits for, and what it gave up.
function pendingChange(hostFs: HostFs, runDir: string): string[] {
  const pending = hostFs.exists(`${runDir}/restart-pending`)
    ? ["the runtime has not read its changed configuration yet: it reads it at its restart"]
    : [];
  const refused = hostFs.exists(`${runDir}/refused`)
    ? [`the runtime did not start with our handler: see its log, then remove ${runDir}/refused to try again`]
    : [];
  return [...pending, ...refused];
}

function flawOf(look: () => unknown): string | undefined {
  try {
    look();
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

function hooksOf(hostFs: HostFs): ObservedHook[] {
  try {
    return observedHooks(readHooks(hostFs, hookDirs(hostFs)), []);
  } catch (error) {
    return [{ file: "hooks.d", reason: messageOf(error) }];
  }
}

// The log holds our JSON lines, and whatever Node printed on stderr.
function lastFailure(log: string): string | undefined {
  for (const line of log.trimEnd().split("\n").reverse()) {
    const { time, msg } =
      /^\{"time":"(?<time>[^"]*)","level":"error","msg":"(?<msg>.*)"\}$/.exec(line)?.groups ?? {};
    if (time !== undefined) return `at ${time}: ${msg ?? ""}`;
  }
  return undefined;
}
