import type { HookGrant } from "../../common/api/hookgrant.ts";
import type { PodRecord } from "../inventory/podrecord.ts";
import { byNamespace } from "../policy/bynamespace.ts";
import { findings } from "../policy/decide.ts";
import type { Finding, Rules } from "../policy/decide.ts";
import { refusalLine } from "../policy/message.ts";
import { inTurns } from "./turns.ts";

/** So many pods a profile are named in its status; the schema's bound. */
const NAMED = 20;
/** So many have their line in a report and their event, in one namespace and in all: 1 MB of text at most. */
const DETAILED_HERE = 200;
const DETAILED = 1_000;

/** A pod that uses a profile without right. */
export interface Detail {
  record: PodRecord;
  profile: string;
  /** Whether the profile would refuse it now, and not only warn. */
  refused: boolean;
  /** The line that its creation would get. */
  line: string;
}

export interface Audit {
  /** By profile; one that nobody uses without right is not in it. */
  profiles: ReadonlyMap<string, { count: number; pods: { namespace: string; name: string }[] }>;
  /** By namespace; counts are of all, details of the first. */
  namespaces: ReadonlyMap<string, { refused: number; warned: number; details: Detail[] }>;
}

export interface AuditInput {
  records: Iterable<PodRecord>;
  rules: Rules;
  /** The handler of a RuntimeClass as far as it is known. */
  handlerOf: (runtimeClassName: string) => string | undefined;
  /** Lets others have a turn. */
  pause: () => Promise<void>;
}

/** The pods that have not finished, use a profile, and that no grant covers now: by what a new pod is judged by. */
export async function audit({ records, rules, handlerOf, pause }: AuditInput): Promise<Audit> {
  const grants = byNamespace(rules.grants.map(withoutCount));
  const tally = new Tally();
  for await (const record of inTurns([...records], pause)) {
    if (record.finished) continue;
    const { pod } = record;
    const handler = pod.runtimeClassName === undefined ? undefined : handlerOf(pod.runtimeClassName);
    const here = { ...rules, grants: grants.get(pod.namespace) ?? [] };
    for (const finding of findings(here, { before: undefined, after: pod, handler }))
      if (finding.coverage?.covered === false) tally.add(record, finding);
  }
  return tally;
}

/** Counts all, and keeps of the first what people read. */
class Tally implements Audit {
  readonly profiles = new Map<string, { count: number; pods: { namespace: string; name: string }[] }>();
  readonly namespaces = new Map<string, { refused: number; warned: number; details: Detail[] }>();
  #detailed = 0;

  add(record: PodRecord, finding: Finding): void {
    const { namespace, name } = record.pod;
    const { profile } = finding;
    const ofProfile = this.profiles.get(profile.name) ?? { count: 0, pods: [] };
    this.profiles.set(profile.name, ofProfile);
    ofProfile.count += 1;
    if (ofProfile.pods.length < NAMED) ofProfile.pods.push({ namespace, name });

    const here = this.namespaces.get(namespace) ?? { refused: 0, warned: 0, details: [] };
    this.namespaces.set(namespace, here);
    const refused = profile.enforcement === "Enforce";
    here[refused ? "refused" : "warned"] += 1;
    if (here.details.length >= DETAILED_HERE || this.#detailed >= DETAILED) return;
    this.#detailed += 1;
    const line = refusalLine(record.pod, [{ ...finding, faults: [] }]);
    here.details.push({ record, profile: profile.name, refused, line });
  }
}

/** A pod that is there was counted when it came: only a limit of 0, which grants nothing, still says something about it. */
function withoutCount(grant: HookGrant): HookGrant {
  const { limits, ...spec } = grant.spec;
  return limits?.pods === 0 || limits?.isolatedCPUs === 0 ? grant : { ...grant, spec };
}

/** When the next grant expires, milliseconds from now; Infinity where none will. */
export function nextExpiry(grants: readonly HookGrant[], now: Date): number {
  const ends = grants.map(({ spec }) => Date.parse(spec.notAfter ?? "") - now.getTime());
  return ends.filter((each) => each > 0).reduce((soonest, each) => Math.min(soonest, each), Infinity);
}
