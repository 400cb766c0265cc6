import fc from "fast-check";

/** One thing that can happen on a node; where it cannot happen just then, it does not. */
type Single =
  /** The pod's container is created, on the CPUs that the pod holds already or on free ones; `wrong`: with another cpuset first. */
  | { event: "create"; pod: number; cpus: number; wrong: boolean }
  /** What was created is started, else a new one; `allow`: also where its isolation fails. */
  | { event: "start"; pod: number; cpus: number; allow: boolean }
  /** The kubelet gives the pod's running container other CPUs, or writes the right ones after a wrong cpuset. */
  | { event: "update"; pod: number; cpus: number }
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
  | { event: "kill"; after: number };

/** What happens: one thing, several at once, or one that concerns the whole node. */
export type Event =
  | Single
  | { event: "atOnce"; all: Single[] }
  /** A kubelet that starts writes every cpuset again, and calls update for every container that runs. */
  | { event: "restartKubelet" }
  /** A CPU goes offline, or comes back. */
  | { event: "hotplug"; cpu: number }
  | { event: "reboot"; keepsRun: boolean };

const pod = fc.nat(3);
const name = fc.nat(2);
const cpus = fc.integer({ min: 1, max: 2 });
const rarely = fc.nat(3).map((number) => number === 3);

type Fields<K extends Event["event"]> = {
  [F in keyof Omit<Extract<Event, { event: K }>, "event">]: fc.Arbitrary<Extract<Event, { event: K }>[F]>;
};

function of<K extends Event["event"]>(
  weight: number,
  event: K,
  fields: Fields<K>,
): fc.WeightedArbitrary<Extract<Event, { event: K }>> {
  const arbitrary = fc.record({ event: fc.constant(event), ...fields });
  return { weight, arbitrary: arbitrary as unknown as fc.Arbitrary<Extract<Event, { event: K }>> };
}

const single: fc.Arbitrary<Single> = fc.oneof(
  of(2, "create", { pod, cpus, wrong: rarely }),
  of(6, "start", { pod, cpus, allow: rarely }),
  of(3, "update", { pod, cpus }),
  of(3, "die", { pod, cgroupGoes: fc.boolean() }),
  of(3, "delete", { pod, older: fc.boolean() }),
  of(3, "forget", { pod }),
  of(2, "sharedPod", { name }),
  of(1, "halfMade", { name }),
  of(2, "reconcile", {}),
  of(3, "kill", { after: fc.nat(12) }),
);

/** Any history, in any order. */
export const histories: fc.Arbitrary<Event[]> = fc.array(
  fc.oneof(
    { weight: 25, arbitrary: single },
    of(4, "atOnce", { all: fc.array(single, { minLength: 2, maxLength: 4 }) }),
    of(1, "restartKubelet", {}),
    of(2, "hotplug", { cpu: fc.integer({ min: 1, max: 3 }) }),
    of(1, "reboot", { keepsRun: fc.boolean() }),
  ),
  { maxLength: 40 },
);
