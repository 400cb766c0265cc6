import { type HostFs, ifThere, readIfThere } from "../host/host-fs.ts";
import { parseToml, tableAt } from "../install/toml.ts";

/** A directory of hooks.d files. */
export interface HookDir {
  path: string;
  /** Whether CRI-O's configuration names it: then it is there, since CRI-O makes it. */
  configured: boolean;
}

/** Where podman and CRI-O look where nothing else is configured. */
const USUAL = ["/usr/share/containers/oci/hooks.d", "/etc/containers/oci/hooks.d"];
const CRIO = "/etc/crio/crio.conf";

/**
 * The directories of hooks.d files on this host: the usual ones, and those of CRI-O's configuration, of which the last
 * file that names any counts (crio.conf.d(5)). A later directory's file hides one of the same name before it.
 * @throws SchedgateError E_TOML for a configuration that CRI-O could not read either.
 */
export function hookDirs(hostFs: HostFs): HookDir[] {
  const dropIns = (ifThere(() => hostFs.list(`${CRIO}.d`)) ?? []).map((name) => `${CRIO}.d/${name}`);
  const configured = [CRIO, ...dropIns].map((path) => {
    const text = readIfThere(hostFs, path);
    const dirs =
      text === undefined ? undefined : tableAt(parseToml(text, path), "crio", "runtime")["hooks_dir"];
    return Array.isArray(dirs) ? dirs.filter((dir) => typeof dir === "string") : [];
  });
  const last = configured.findLast((dirs) => dirs.length > 0) ?? [];
  return [...new Set([...USUAL, ...last])].map((path) => ({ path, configured: last.includes(path) }));
}
