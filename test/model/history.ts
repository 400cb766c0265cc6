import fc from "fast-check";

/** What can happen on a node; where it cannot happen just then, it does not. */
export type Event =
  /** The kubelet starts the pod's container, on the CPUs that the pod holds already or on free ones. */
  | { event: "start"; pod: number; cpus: number }
  /** The pod's container ends by itself; its cgroup may go with it (systemd) or wait for the delete. */
  | { event: "die"; pod: number; cgroupGoes: boolean }
  /** The runtime deletes a container that has ended: late, again, or for an older one than the last. */
  | { event: "delete"; pod: number; older: boolean }
  /** The kubelet forgets the pod and gives its CPUs to others; a container whose shim died may still run. */
  | { event: "forget"; pod: number }
  /** A pod without CPUs of its own comes or goes. */
  | { event: "sharedPod"; name: number }
  /** A cgroup is made that has no CPUs yet; they come with the next event of the same name. */
  | { event: "halfMade"; name: number }
  | { event: "reconcile" }
  /** The next call of ours is killed after so many changes. */
  | { event: "kill"; after: number }
  | { event: "reboot"; keepsRun: boolean };

const pod = fc.nat(3);
const name = fc.nat(2);

/** Any history, in any order. */
export const histories: fc.Arbitrary<Event[]> = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        event: fc.constant("start" as const),
        pod,
        cpus: fc.integer({ min: 1, max: 2 }),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ event: fc.constant("die" as const), pod, cgroupGoes: fc.boolean() }),
    },
    {
      weight: 3,
      arbitrary: fc.record({ event: fc.constant("delete" as const), pod, older: fc.boolean() }),
    },
    { weight: 3, arbitrary: fc.record({ event: fc.constant("forget" as const), pod }) },
    { weight: 2, arbitrary: fc.record({ event: fc.constant("sharedPod" as const), name }) },
    { weight: 1, arbitrary: fc.record({ event: fc.constant("halfMade" as const), name }) },
    { weight: 2, arbitrary: fc.record({ event: fc.constant("reconcile" as const) }) },
    { weight: 3, arbitrary: fc.record({ event: fc.constant("kill" as const), after: fc.nat(12) }) },
    {
      weight: 1,
      arbitrary: fc.record({ event: fc.constant("reboot" as const), keepsRun: fc.boolean() }),
    },
  ),
  { maxLength: 40 },
);
