import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { nodeHostFs } from "../../node-agent/host/host-fs.ts";
import { temporaryTree } from "../../node-agent/host/testing.ts";
import { fileLock } from "../../node-agent/isolation/lock.ts";
import { ledgerIn } from "../../node-agent/isolation/ledger.ts";
import { EXCLUSIVE, PARTITION } from "../../node-agent/isolation/plan-v2.ts";
import { agentOn } from "./agent.ts";

const tree = temporaryTree();
beforeEach(tree.make);
afterEach(tree.remove);

const COUNT = 12;
/** No machine has these, so that nothing of this one's own shows through. */
const FIRST_CPU = 1000;
const CGROUPS = "sys/fs/cgroup";
const claimant = join(import.meta.dirname, "claimant.ts");
const nobody = { lock: <T>(work: () => Promise<T>) => work(), cgroupRoot: "", kubeletState: "" };

/** A container of a pod with one CPU of its own, and its process. */
interface Container {
  id: string;
  cpu: number;
  proc: string;
}

function cpuset(dir: string, cpus: string): void {
  tree.file(`${CGROUPS}/${dir}/cpuset.cpus`, `${cpus}\n`);
  tree.file(`${CGROUPS}/${dir}/${EXCLUSIVE}`, "\n");
  symlinkSync(EXCLUSIVE, join(tree.root, CGROUPS, dir, `${EXCLUSIVE}.effective`));
  tree.file(`${CGROUPS}/${dir}/${PARTITION}`, "member\n");
}

/** A node with cgroup v2, whose files a kernel would keep so. */
function makeNode(): void {
  tree.file(`${CGROUPS}/cgroup.controllers`, "cpuset cpu\n");
  tree.file("proc/sys/kernel/random/boot_id", "boot\n");
  tree.file("proc/sys/kernel/osrelease", "6.12.0\n");
  cpuset("kubepods", "");
}

let made = 0;

/** The kubelet's record is written by `record`, once all are there. */
function makeContainer(cpu: number): Container & { uid: string } {
  made += 1;
  const uid = `5c4ed6a7-0000-4000-8000-${String(made).padStart(12, "0")}`;
  const [id, pid] = [`c${made}`, 100 + made];
  const cgroup = `kubepods/pod${uid}/${id}`;
  cpuset(`kubepods/pod${uid}`, "");
  cpuset(cgroup, String(cpu));
  tree.file(`proc/${pid}/cgroup`, `0::/${cgroup}\n`);
  tree.file(`proc/${pid}/stat`, `${pid} (x) S ${"0 ".repeat(16)}1 0 ${pid} 0\n`);
  const note = agentOn(
    { ...nobody, hostFs: nodeHostFs(tree.root), runDir: "/run/schedgate" },
    () => Infinity,
    () => undefined,
  );
  note.note({ id, podUID: uid, cgroup, pid, cpus: 1 });
  return { id, cpu, uid, proc: join(tree.root, "proc", String(pid)) };
}

function record(containers: readonly (Container & { uid: string })[]): void {
  const entries = Object.fromEntries(containers.map(({ uid, cpu }) => [uid, { main: String(cpu) }]));
  tree.file("var/lib/kubelet/cpu_manager_state", JSON.stringify({ policyName: "static", entries }));
}

/** Each call in a process of its own, all released in the same moment. Resolves to what they said, "" for those that went well. */
async function atOnce(calls: readonly (readonly [command: string, id: string])[]): Promise<string[]> {
  const all = calls.map((call) => spawn(process.execPath, [claimant, tree.root, ...call], { stdio: "pipe" }));
  await Promise.all(all.map((one) => new Promise((resolve) => one.stdout.once("data", resolve))));
  const answers = Promise.all(all.map(answer));
  for (const one of all) one.stdin.end();
  return answers;
}

async function answer(child: ChildProcess): Promise<string> {
  const said = child.stderr === null ? "" : text(child.stderr);
  const code = await new Promise<unknown>((resolve) => child.once("close", resolve));
  return code === 0 ? "" : `exit code ${String(code)}: ${await said}`;
}

function content(dir: string, name: string): string {
  return readFileSync(join(tree.root, CGROUPS, dir, name), "utf8");
}

function partitions(): string[] {
  const pods = readdirSync(join(tree.root, CGROUPS, "kubepods"), { withFileTypes: true });
  return pods
    .filter((pod) => pod.isDirectory())
    .flatMap(({ name: pod }) =>
      readdirSync(join(tree.root, CGROUPS, "kubepods", pod), { withFileTypes: true })
        .filter((each) => each.isDirectory())
        .filter(({ name }) => content(`kubepods/${pod}/${name}`, PARTITION) === "isolated\n")
        .map(({ name }) => name),
    )
    .sort();
}

function ledger(): string[] {
  const { owners, problems } = ledgerIn(nodeHostFs(tree.root), "/run/schedgate/ledger").read();
  expect(problems).toEqual([]);
  return owners.map(({ id, cpus }) => `${id} ${cpus}`).sort();
}

function end({ proc }: Container): void {
  rmSync(proc, { recursive: true });
}

const sayings = (all: readonly Container[]): string[] => all.map(({ id, cpu }) => `${id} ${cpu}`).sort();
const well = (count: number): string[] => Array.from({ length: count }, () => "");

test(`${COUNT} containers with CPUs of their own start and stop at once, each by a process of its own`, async () => {
  makeNode();
  const first = Array.from({ length: COUNT }, (_, index) => makeContainer(FIRST_CPU + index));
  record(first);
  const starts = first.map(({ id }) => ["start", id] as const);
  expect(await atOnce(starts)).toEqual(well(COUNT));
  expect(ledger()).toEqual(sayings(first));
  expect(partitions()).toEqual(first.map(({ id }) => id).sort());
  expect(content("kubepods", EXCLUSIVE)).toBe(`${FIRST_CPU}-${FIRST_CPU + COUNT - 1}\n`);

  // Half of them end; others get their CPUs, and start while the old ones are deleted.
  const [old, staying] = [first.slice(0, COUNT / 2), first.slice(COUNT / 2)];
  old.forEach(end);
  const young = old.map(({ cpu }) => makeContainer(cpu));
  record([...staying, ...young]);
  const mixed = old.flatMap(({ id }, index) => [
    ["delete", id] as const,
    ["start", young[index]?.id ?? ""] as const,
  ]);
  expect(await atOnce(mixed)).toEqual(well(COUNT));
  const living = [...staying, ...young];
  expect(ledger()).toEqual(sayings(living));
  expect(partitions()).toEqual(living.map(({ id }) => id).sort());
  expect(content("kubepods", EXCLUSIVE)).toBe(`${FIRST_CPU}-${FIRST_CPU + COUNT - 1}\n`);

  living.forEach(end);
  expect(await atOnce(living.map(({ id }) => ["delete", id] as const))).toEqual(well(COUNT));
  expect(ledger()).toEqual([]);
  expect(partitions()).toEqual([]);
  expect(content("kubepods", EXCLUSIVE)).toBe("\n");
  expect(nodeHostFs(tree.root).exists("/run/schedgate/before.json")).toBe(false);
  await fileLock(join(tree.root, "lock"))(() => Promise.resolve()); // nobody holds it
}, 300_000);
