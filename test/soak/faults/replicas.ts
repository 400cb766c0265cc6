import { setTimeout as sleep } from "node:timers/promises";
import type { Fault } from "./fault.ts";
import { deleteSecret, restoreSecret } from "./certificates.ts";

/** Long enough for many creates, and for calls to run into their time limit. */
const OUTAGE_MS = 12_000;

export const rollingUpdate: Fault = {
  name: "rolling",
  title: "rolling update of the Deployment",
  run: ({ replicas }) => replicas.roll(),
};

export const sigkill: Fault = {
  name: "kill",
  title: "kill -9 of one replica",
  times: 6,
  async run({ replicas }) {
    await replicas.kill(Math.round(Math.random()));
    await replicas.restart();
  },
  excused:
    "who was being answered by the killed replica, or is sent there before its end is known, gets no answer",
};

export const allDown: Fault = {
  name: "down",
  title: "both replicas killed, and down for a while",
  async run({ replicas }) {
    await replicas.kill(0, 1);
    await sleep(OUTAGE_MS);
    await replicas.restart();
  },
  excused: "there is no webhook",
};

export const allSlow: Fault = {
  name: "slow",
  title: "both replicas halted (SIGSTOP)",
  async run({ replicas }) {
    replicas.signal("SIGSTOP");
    await sleep(OUTAGE_MS);
    replicas.signal("SIGCONT");
  },
  excused: "there is no answer",
};

export const unstartable: Fault = {
  name: "no-secret",
  title: "the Secret gone and both replicas killed: they cannot start",
  async run(world) {
    await deleteSecret(world);
    await world.replicas.kill(0, 1);
    await world.replicas.restart();
    await sleep(OUTAGE_MS);
    await restoreSecret(world);
  },
  excused: "there is no webhook",
};
