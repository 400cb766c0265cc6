import { SchedgateError, messageOf } from "../../common/errors.ts";
import { type Glob, matchGlob, parseGlob } from "../../common/glob.ts";

/**
 * The globs of the node's own list of static pods that may have isolation, each for `namespace/name` with the node's
 * name at its end: one a line, as Go's path.Match; `#` begins a comment. Without a file (undefined) there is none.
 * @param path of the list, for the message.
 * @throws SchedgateError E_STATIC_PODS that names file and line where one is no glob of `namespace/name`.
 */
export function staticPodGlobs(text: string | undefined, path: string): Glob[] {
  return (text ?? "").split("\n").flatMap((line, at) => {
    const glob = line.replace(/#.*/, "").trim();
    return glob === "" ? [] : [globOf(glob, `${path}:${at + 1}`)];
  });
}

/** Whether one of them names the pod. */
export function isListed(globs: readonly Glob[], pod: string): boolean {
  return globs.some((glob) => matchGlob(glob, pod));
}

function globOf(text: string, where: string): Glob {
  try {
    if (!/^[^/]+\/[^/]+$/.test(text)) throw new SchedgateError("E_GLOB", `"${text}" is not namespace/name`);
    return parseGlob(text);
  } catch (cause) {
    throw new SchedgateError("E_STATIC_PODS", `${where}: ${messageOf(cause)}`, { cause });
  }
}
