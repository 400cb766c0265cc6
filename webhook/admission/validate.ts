import { findings, isClean, coveringGrants } from "../policy/decide.ts";
import type { Change, Rules } from "../policy/decide.ts";
import { forgedGrantFault, withUnnamedGrants } from "../policy/grantannotation.ts";
import { isNode, nodeRefusal } from "../policy/node.ts";
import { outcomeOf } from "../policy/outcome.ts";
import { verdict } from "../policy/verdict.ts";
import type { Answer } from "./response.ts";

/** What the validating webhook says to a pod in its final state. */
export function validation(rules: Rules, change: Change, groups: readonly string[]): Answer {
  const list = withUnnamedGrants(change, findings(rules, change));
  const { refusal, warnings, violation } = verdict(change.after, list);
  const byNode = isNode(groups) ? nodeRefusal(change.after, list) : undefined;
  const forged = forgedGrantFault(change, list);
  const reason =
    byNode ?? refusal ?? (forged && `pod ${change.after.namespace}/${change.after.name}: ${forged}`);
  const profiles = list.map((each) => each.profile.name).join(",");
  const grants = coveringGrants(list.filter(isClean)).join(",");
  return {
    refusal: reason === undefined ? undefined : { code: 403, message: reason },
    warnings,
    outcomes: list.map(outcomeOf),
    audit: {
      ...(profiles !== "" && { profiles }),
      ...(grants !== "" && { grants }),
      ...(violation !== undefined && { violation }),
    },
  };
}
