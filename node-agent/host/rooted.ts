import { lstatSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { SchedgateError } from "../../common/errors.ts";

/** As the kernel has it (path_resolution(7)). */
const MAX_LINKS = 40;

/**
 * Where a path of the host is for a process that has the host's `/` mounted at `root`: symbolic links are followed
 * inside of it, as chroot(2) would. Left to the kernel, a link to `/…` would lead into this process's own files.
 * What is not there is taken as it is written.
 * @param last whether the last component is followed too.
 * @throws SchedgateError E_LINKS where links lead in a circle.
 */
export function rooted(root: string, path: string, last: boolean): string {
  if (root === "/") return path;
  let todo = parts(path);
  let at: string[] = [];
  for (let links = 0; todo.length > 0;) {
    const [name = "", ...rest] = todo;
    const target = rest.length > 0 || last ? linkAt(join(root, ...at, name)) : undefined;
    todo = [...parts(target ?? ""), ...rest];
    if (target?.startsWith("/") === true) at = [];
    if (target !== undefined) links += 1;
    else if (name === "..") at.pop();
    else at.push(name);
    if (links > MAX_LINKS)
      throw new SchedgateError("E_LINKS", `${path}: its symbolic links lead in a circle`);
  }
  return join(root, ...at);
}

function parts(path: string): string[] {
  return path.split("/").filter((part) => part !== "" && part !== ".");
}

function linkAt(path: string): string | undefined {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true
    ? readlinkSync(path)
    : undefined;
}
