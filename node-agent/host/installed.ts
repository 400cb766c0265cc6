import { type HostFs, readIfThere } from "./host-fs.ts";

/** What the installer leaves in `<runDir>/installed.json` once the handler is registered. */
export interface Installed {
  version: 1;
  runtime: "containerd" | "crio";
  handler: string;
  /** The file that registers the handler. */
  config: string;
}

/** Where it is. */
export function installedPath(runDir: string): string {
  return `${runDir}/installed.json`;
}

/** Its content; undefined where the installer has not finished, or has removed everything. */
export function readInstalled(hostFs: HostFs, runDir: string): Installed | undefined {
  const text = readIfThere(hostFs, installedPath(runDir));
  return text === undefined ? undefined : (JSON.parse(text) as Installed);
}
