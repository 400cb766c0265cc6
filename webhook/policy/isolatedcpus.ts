import { MAX_COUNT } from "../../common/api/hookgrant.ts";
import type { Container, Pod } from "../../common/api/pod.ts";
import { parseQuantity, wholeUnits } from "../../common/quantity.ts";
import { askingContainers } from "./asking.ts";
import type { Profile } from "./profile.ts";
import { exclusiveCpus, isGuaranteed } from "./qos.ts";

/**
 * The CPUs that a pod takes of a grant: the exclusive CPUs of the containers that ask, or, where none does and the pod
 * uses the profile in another way, of all its containers.
 */
export function isolatedCpus(profile: Profile | undefined, pod: Pod): number {
  const asking = profile === undefined ? [] : askingContainers(profile, pod);
  const counted = asking.length > 0 ? asking : pod.containers;
  const [cpusOf, isFixed] = [exclusiveCpus(pod), isGuaranteed(pod)];
  // The node holds what it has set aside until another size is in force there, which may be never: also where that is a
  // fraction, or where the pod gives resources as a whole since.
  const held = (each: Container): number =>
    Math.max(cpusOf(each), isFixed ? wholeCpus(each.allocatedCpu) : 0);
  return Math.min(
    MAX_COUNT,
    peak(counted.map((each) => ({ init: each.init, sidecar: each.sidecar, cpus: held(each) }))),
  );
}

interface Sized {
  init: boolean;
  sidecar: boolean;
  cpus: number;
}

/** The most CPUs at one time, as the scheduler counts (component-helpers, PodRequests): init containers run one by one, beside the sidecars before them. */
function peak(containers: readonly Sized[]): number {
  let [sidecars, most] = [0, 0];
  for (const each of containers.filter(({ init }) => init)) {
    if (each.sidecar) sidecars += each.cpus;
    else most = Math.max(most, sidecars + each.cpus);
  }
  const own = containers.filter(({ init }) => !init).reduce((sum, each) => sum + each.cpus, 0);
  return Math.max(most, sidecars + own);
}

function wholeCpus(written: string | number | undefined): number {
  return written === undefined ? 0 : (wholeUnits(parseQuantity(written)) ?? 0);
}
