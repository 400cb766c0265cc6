/** CEL: the annotations of the object in the request, and of the one that it changes; only where `has` says so. */
export const NEW = "object.metadata.annotations";
export const OLD = "oldObject.metadata.annotations";

/**
 * So many keys are looked at one by one: the API server remembers each step of `exists` to count its cost, and looks through
 * all of them at each step, so that 2,000 keys take 20 ms and ten times as many seconds.
 */
const MAX_KEYS = 2_000;

/** CEL: some key `k` of this map passes the test. Of a map with more keys than anybody needs, `instead`. */
export function someKey(map: string, test: string, instead = "true"): string {
  return `(size(${map}) > ${String(MAX_KEYS)} ? ${instead} : ${map}.exists(k, ${test}))`;
}
