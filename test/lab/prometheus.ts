import { join } from "node:path";
import { cacheRoot, openCache } from "./cache.ts";
import { must } from "./exec.ts";
import { findProgram } from "./prerequisites.ts";

const found = (program: string): string | undefined => findProgram(program, process.env["PATH"]);

/** Why neither this machine's Prometheus nor Debian's can be used, or undefined. */
export function lacksPrometheus(): string | undefined {
  const canUnpack = found("apt-get") !== undefined && found("dpkg-deb") !== undefined;
  return found("promtool") !== undefined || canUnpack ? undefined : "Prometheus, and no apt to get it from";
}

/** The machine's program, or that of Debian's package, unpacked: to install it would start a server. */
export async function prometheusProgram(name: "prometheus" | "promtool"): Promise<string> {
  const installed = found(name);
  if (installed !== undefined) return installed;
  const cache = openCache(cacheRoot(process.env), () => undefined);
  const key = { thing: "promtool", version: "debian", recipe: "unpacked" };
  const unpacked = await cache.get(key, async (into) => {
    await must("apt-get", ["-qq", "download", "prometheus"], { cwd: into });
    await must("sh", ["-c", "dpkg-deb -x prometheus_*.deb . && rm prometheus_*.deb"], { cwd: into });
  });
  return join(unpacked, "usr/bin", name);
}
