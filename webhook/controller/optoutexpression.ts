import type { HookProfile } from "../../common/api/hookprofile.ts";
import { containerFormPrefix } from "../../common/api/names.ts";
import { NEW, OLD, someKey } from "./annotationmap.ts";
import { quoted, startsWith } from "./keyexpression.ts";

/** Far more than any real number of request annotations needs. */
const MAX_LENGTH = 20_000;

/** A key that is gone, and whose container did not ask while it was there. */
const IS_LOST = `!(k in ${NEW}) && ${OLD}[k] != "enabled"`;

/**
 * CEL over the annotations of an update, of which both maps are there: a container's own word is gone by which it did not
 * ask, of a pod that asks as a whole. Only such a pod pays for the look at all its keys. Where it gets too long, any lost
 * key counts. "false" where no profile has a request annotation.
 */
export function optOutExpression(profiles: readonly HookProfile[]): string {
  const requests = new Set(profiles.flatMap(({ spec }) => spec.request?.annotation ?? []));
  const terms = [...requests].sort().map((each) => {
    const asks = `${quoted(each)} in ${NEW} && ${NEW}[${quoted(each)}] == "enabled"`;
    return `(${asks} && ${someLost(`${startsWith(containerFormPrefix(each))} && ${IS_LOST}`)})`;
  });
  const expression = terms.join(" || ");
  if (expression.length > MAX_LENGTH) return someLost(IS_LOST);
  return terms.length === 0 ? "false" : expression;
}

function someLost(test: string): string {
  return someKey(OLD, test, `${NEW} != ${OLD}`);
}
