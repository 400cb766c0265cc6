import { SchedgateError, messageOf } from "../../common/errors.ts";
import { type Glob, matchGlob, parseGlob } from "../../common/glob.ts";
import { type HostFs, readIfThere } from "../host/host-fs.ts";

/**
 * Whether the node's own list names a static pod, `namespace/name` with the node's name at its end. One glob a line,
 * as Go's path.Match; `#` begins a comment. Without a file there is none.
 * @throws SchedgateError E_STATIC_PODS that names file and line where one is no glob of `namespace/name`.
 */
export function isListed(hostFs: HostFs, path: string, pod: string): boolean {
  return readStaticPods(hostFs, path).some((glob) => matchGlob(glob, pod));
}

/** The globs of the list. @throws SchedgateError E_STATIC_PODS */
export function readStaticPods(hostFs: HostFs, path: string): Glob[] {
  const lines = (readIfThere(hostFs, path) ?? "").split("\n");
  return lines.flatMap((line, at) => {
    const text = line.replace(/#.*/, "").trim();
    return text === "" ? [] : [globOf(text, `${path}:${at + 1}`)];
  });
}

function globOf(text: string, where: string): Glob {
  try {
    if (!/^[^/]+\/[^/]+$/.test(text)) throw new SchedgateError("E_GLOB", `"${text}" is not namespace/name`);
    return parseGlob(text);
  } catch (cause) {
    throw new SchedgateError("E_STATIC_PODS", `${where}: ${messageOf(cause)}`, { cause });
  }
}
