import { SchedgateError } from "../../common/errors.ts";
import type { Host } from "./host.ts";

const PATH = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/** The low-level runtime's path on the host. @param name undefined: runc, else crun. @throws SchedgateError E_RUNC */
export function lowLevelRuntime({ files }: Pick<Host, "files">, name: string | undefined): string {
  if (name?.startsWith("/") === true) return name;
  const names = name === undefined ? ["runc", "crun"] : [name];
  const found = names.flatMap((one) => PATH.map((dir) => `${dir}/${one}`)).find((path) => files.exists(path));
  if (found !== undefined) return found;
  throw new SchedgateError(
    "E_RUNC",
    `no low-level runtime (${names.join(", ")}) in ${PATH.join(":")}: set SCHEDGATE_RUNC`,
  );
}
