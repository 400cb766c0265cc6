import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { messageOf } from "../../common/errors.ts";
import { footprint, difference } from "../lab/footprint.ts";
import { abortable, down, ensureLab, IMAGE_PROGRAMS, up, type Lab, type LabOptions } from "../lab/lab.ts";
import { baseArchive } from "../lab/product/image/base.ts";
import { buildImage } from "../lab/product/image/image.ts";
import {
  applyAgain,
  applySchedgate,
  expectRemoved,
  nodeReady,
  removeSchedgate,
  type Installation,
} from "../lab/product/install.ts";
import type { CpuSet } from "../../common/cpuset.ts";
import type { Report } from "./report.ts";
import { expectSpread } from "./signs.ts";
import { granted } from "./steps/granted.ts";
import { ordinary } from "./steps/ordinary.ts";
import { refused } from "./steps/refused.ts";
import { gone, leave } from "./steps/leave.ts";
import { deleted, killed, type Victim } from "./steps/released.ts";

type Options = Pick<LabOptions, "node" | "runtime" | "kubernetes">;

/**
 * Runs the whole demo and puts everything back, also after a failure or an interruption.
 * True only if every step was observed to hold and the machine is as it was before.
 */
export async function demo(options: Options, report: Report, stop: AbortSignal): Promise<boolean> {
  try {
    await ensureLab(
      options,
      (line) => {
        report.note(line);
      },
      IMAGE_PROGRAMS,
    );
  } catch (error) {
    report.quote(messageOf(error));
    report.end("The demo did not start");
    return false;
  }
  const before = await footprint();
  const scratch = await mkdtemp(join(tmpdir(), "schedgate-demo-"));
  let failure: string | undefined;
  try {
    await steps(options, scratch, report, stop);
  } catch (error) {
    failure = messageOf(stop.aborted ? stop.reason : error);
    report.note(`FAILED  ${failure}`);
  }
  report.step("Everything is put back");
  for (const line of await down()) report.note(`removed ${line}`);
  await rm(scratch, { recursive: true });
  const left = difference(before, await footprint());
  for (const line of left) report.note(`LEFT    ${line}`);
  if (left.length === 0)
    report.holds("this machine's processes, mounts, cgroups, links and chains are as they were");
  const good = failure === undefined && left.length === 0;
  report.end(
    good ? "Every step was seen to hold" : `The demo failed: ${failure ?? "something was left behind"}`,
  );
  return good;
}

/** A node, and all that is shown on it. What was begun has ended when this has, but for what `down` ends. */
async function steps(options: Options, scratch: string, report: Report, stop: AbortSignal): Promise<void> {
  report.step(`A Kubernetes node (${options.node}, ${options.runtime})`);
  const note = (line: string): void => {
    if (!stop.aborted) report.note(line);
  };
  const over = new AbortController();
  const building = AbortSignal.any([stop, over.signal]);
  const preload = options.node === "vm" ? [await abortable(building, () => baseArchive(note))] : [];
  note("building the image from the working tree, beside the rest");
  const image = abortable(building, () => buildImage(scratch, note));
  image.catch(() => undefined); // told where it is awaited; the lab may fail before
  try {
    const lab = await up({ ...options, preload, log: note, signal: stop });
    stop.throwIfAborted();
    await Promise.race([show(lab, image, report, stop), aborted(stop)]);
  } finally {
    over.abort();
    await image.catch(() => undefined);
  }
}

async function show(lab: Lab, image: Promise<string>, report: Report, stop: AbortSignal): Promise<void> {
  const note = (line: string): void => {
    if (!stop.aborted) report.note(line);
  };
  // Two CPUs that the container will be pinned to; on a machine with two CPUs one of them is the kubelet's.
  const pair = lab.options.node === "vm" ? [1, 2] : [0, 1];
  const cpus = lab.options.node === "vm" ? 2 : 1;
  await expectSpread(lab, pair, report);

  const run = async (title: string, step: () => Promise<unknown>): Promise<void> => {
    stop.throwIfAborted();
    report.step(title);
    await step();
  };
  let installation: Installation | undefined;
  await run("The admin installs schedgate", async () => {
    installation = await applySchedgate(lab, image, note);
    await applyAgain(lab, installation);
    report.holds("applying the manifests again changes nothing");
  });
  await run("Without a grant, no way leads to the handler", () => refused(lab, cpus, report));
  let isolated: CpuSet = [];
  await run("The admin writes a HookGrant", async () => {
    await nodeReady(lab, note);
    isolated = await granted(lab, pair, report);
  });
  await run("A pod that asks for nothing is not touched", () => ordinary(lab, isolated, report));
  await run("The pod is deleted", () => deleted(lab, pair, report));
  // With one CPU to pin there is room for one such pod at a time.
  const rounds: Victim[][] = cpus === 2 ? [["init", "shim"]] : [["init"], ["shim"]];
  for (const victims of rounds)
    await run(`Killed on the node: ${victims.join(", ")}`, () => killed(lab, victims, pair, report));
  await run("The admin removes schedgate", async () => {
    if (installation === undefined) return;
    await leave(lab, report);
    await Promise.all([removeSchedgate(lab, installation, note), gone(lab)]);
    await expectRemoved(lab, installation);
    report.holds(
      "cluster objects, node label, runtime configuration and cpusets are as before the installation",
    );
  });
}

function aborted(stop: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    stop.addEventListener("abort", () => {
      reject(stop.reason as Error);
    });
  });
}
