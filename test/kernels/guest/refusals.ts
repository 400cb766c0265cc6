import { deepEqual, equal, match, notEqual, throws } from "node:assert/strict";
import { PROGRAMS } from "./container.ts";
import { changes } from "./host.ts";
import type { Scenario } from "./scenarios.ts";

/**
 * What must hold where the kernel cannot isolate: nothing is written, and who asks is told why.
 * @param cpus what a kubelet pins a container to there, "" where it cannot.
 */
export function refusals(why: RegExp, cpus: string): readonly Scenario[] {
  return [
    {
      name: "refuses the start of a container that asks, says why, and writes nothing",
      daemon: false,
      play: async ({ host, pods }) => {
        const one = pods.container({ cpus, asks: true });
        one.create();
        const before = host.dump();
        notEqual(one.start().status, 0);
        match(one.logged(), why);
        deepEqual(changes(before, host.dump()), []);
        equal(host.isolated(), "");
        await one.kill();
      },
    },
    {
      name: "starts a container that does not ask",
      daemon: false,
      play: async ({ host, pods }) => {
        const one = pods.container({ cpus, asks: false });
        one.create();
        equal(one.start().status, 0);
        equal(host.isolated(), "");
        await one.kill();
      },
    },
  ];
}

/** What must hold where the runtime itself makes no container, ours or not. */
export function noContainers(why: RegExp): readonly Scenario[] {
  return [
    {
      name: "makes no container here by itself, without schedgate",
      daemon: false,
      play: ({ host, setting, pods }) => {
        const before = host.dump();
        const one = pods.container({ cpus: "", asks: false });
        throws(() => {
          one.create(PROGRAMS[setting.runtime]);
        }, why);
        deepEqual(changes(before, host.dump()), []);
        return Promise.resolve();
      },
    },
  ];
}
