import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "@jest/globals";
import { parseCpuSet } from "../../common/cpuset.ts";
import { type Ledger, ledgerIn } from "../../node-agent/isolation/ledger.ts";
import { openIsolation } from "../../node-agent/isolation/open.ts";
import { type Isolation, type Outcome, reconcile } from "../../node-agent/isolation/reconcile.ts";
import { start, update } from "../../node-agent/oci/companion.ts";
import { companionConfig } from "../../node-agent/oci/config.ts";
import { type Home, companionEnv, makeHome } from "./home.ts";
import { lastCpu } from "./kernel.ts";
import { realMachine } from "./real-machine.ts";

/** A container that asks: a process of the test's own, with bundle, note and record. */
export interface Living {
  id: string;
  bundle: string;
  /** What a runtime writes to a hook's stdin. */
  state: (pid?: number) => string;
  /** As a kubelet gives it other CPUs: record and cgroup, not yet the update. */
  give: (cpus: string) => void;
  end: () => Promise<void>;
}

/** This machine as a node whose programs are killed. */
export interface KilledNode {
  home: Home;
  ledger: Ledger;
  env: NodeJS.ProcessEnv;
  create(): Living;
  /** The companion's commands, not killed. */
  start(id: string): Promise<void>;
  update(id: string): Promise<void>;
  /** Brings balancing back until it is mended: a cpuset with all CPUs, made anew. */
  makeNewcomer(): void;
  removeNewcomer(): void;
  reconcile(): Promise<Outcome>;
  close(): void;
}

/** The low-level runtime does nothing: the containers are processes of the test. */
export async function killedNode(): Promise<KilledNode> {
  const home = await makeHome("/bin/true");
  const machine = realMachine();
  const env = companionEnv(home);
  const newcomer = `${machine.top}/newcomer`;
  const open = (): Isolation => openIsolation(machine.hostFs, home.run, machine.cgroupRoot);
  const companion = { hostFs: machine.hostFs, config: companionConfig(env), open, note: () => undefined };
  let made = 0;

  const create = (): Living => {
    made += 1;
    const uid = `00000000-0000-4000-8000-${String(made).padStart(12, "0")}`;
    const id = `killed${made}`;
    const cgroup = `${machine.top}/pod${uid}/${id}`;
    const bundle = join(home.dir, "bundles", id);
    const ask = join(home.run, "asks", id);
    const give = (cpus: string): void => {
      machine.makeCgroup(cgroup, parseCpuSet(cpus));
      const entries = { [uid]: { main: cpus } };
      writeFileSync(home.kubeletState, JSON.stringify({ policyName: "static", entries }));
    };
    give(lastCpu);
    const pid = machine.spawn(cgroup);
    for (const dir of [bundle, ask]) mkdirSync(dir, { recursive: true });
    const annotations = {
      "io.kubernetes.cri.container-name": "main",
      "io.kubernetes.cri.container-type": "container",
      "schedgate.dev/cpu-isolation": "enabled",
      "schedgate.dev/grant": "test",
    };
    const linux = { cgroupsPath: `/${cgroup}`, resources: { cpu: { shares: 1024 } } };
    writeFileSync(join(bundle, "config.json"), JSON.stringify({ annotations, linux }));
    writeFileSync(join(bundle, "pid"), String(pid));
    writeFileSync(join(ask, "ask"), `${bundle}\n${join(bundle, "pid")}\n\n`);
    const state = (now = pid): string => JSON.stringify({ ociVersion: "1.0.2", id, pid: now, bundle });
    return { id, bundle, state, give, end: () => machine.kill(pid) };
  };

  return {
    home,
    ledger: ledgerIn(machine.hostFs, join(home.run, "ledger")),
    env,
    create,
    start: async (id) => {
      expect(await start(companion, id)).toBeUndefined();
    },
    update: (id) => update(companion, id),
    makeNewcomer: () => {
      machine.makeCgroup(newcomer, parseCpuSet(`0,${lastCpu}`));
    },
    removeNewcomer: () => {
      machine.removeCgroup(newcomer);
    },
    reconcile: () => reconcile(open(), 10),
    close: () => {
      machine.close();
      home.remove();
    },
  };
}
