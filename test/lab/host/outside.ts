import { existsSync } from "node:fs";
import { readdir, readFile, readlink, rm, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { codeOf } from "../../../common/errors.ts";
import type { Before } from "./before.ts";
import type { HostLayout } from "./layout.ts";

/**
 * Removes what kubelet, runtime and CNI put at fixed places outside of the lab's directory, and the directories they
 * made for it as far as they are empty then: someone else may use them meanwhile. Call it before the lab's own
 * directory goes, which tells what is ours. Returns a line for each directory.
 */
export async function removeOutside(layout: HostLayout, before: Before): Promise<string[]> {
  const files = [
    ...(await ownLogLinks(layout)),
    ...(await ownResults(layout)),
    ...(await shimSockets(layout)),
    ...(await filesInNew(before, "/var/lib/kubelet/device-plugins")),
    ...(await filesInNew(before, "/var/lib/containers/cache")), // skopeo's
  ];
  for (const file of files) await rm(file, { force: true });
  const directories: string[] = [];
  for (const directory of before.absent) if (await removeIfEmpty(directory)) directories.push(directory);
  const counts = new Map<string, number>();
  for (const file of files) counts.set(dirname(file), (counts.get(dirname(file)) ?? 0) + 1);
  return [...[...counts].map(([directory, count]) => `${count} files in ${directory}`), ...directories];
}

function filesInNew({ absent }: Before, directory: string): Promise<string[]> {
  return absent.includes(directory) ? filesIn(directory) : Promise.resolve([]);
}

async function ownLogLinks({ podLogs }: HostLayout): Promise<string[]> {
  const links = await filesIn("/var/log/containers");
  const targets = await Promise.all(links.map((link) => readlink(link).catch(() => "")));
  return links.filter((_link, index) => targets[index]?.startsWith(`${podLogs}/`));
}

/** What libcni keeps of each attachment names the network namespace, which is below the lab's directory. */
async function ownResults({ root }: HostLayout): Promise<string[]> {
  const results = await filesIn("/var/lib/cni/results");
  const texts = await Promise.all(results.map((file) => readFile(file, "utf8")));
  return results.filter((_file, index) => texts[index]?.includes(`${root}/`));
}

/** containerd's shims listen below /run/containerd whatever its state directory is; each bundle names its socket. */
async function shimSockets({ runtimeData }: HostLayout): Promise<string[]> {
  const bundles = join(runtimeData, "state", "io.containerd.runtime.v2.task", "k8s.io");
  const files = (await filesIn(bundles))
    .map((bundle) => join(bundle, "address"))
    .filter((file) => existsSync(file));
  const addresses = await Promise.all(files.map((file) => readFile(file, "utf8")));
  return [...new Set(addresses.map((address) => address.trim().replace(/^unix:\/\//, "")))].filter((path) =>
    existsSync(path),
  );
}

async function filesIn(directory: string): Promise<string[]> {
  if (!existsSync(directory)) return [];
  return (await readdir(directory)).map((name) => join(directory, name));
}

async function removeIfEmpty(directory: string): Promise<boolean> {
  try {
    await rmdir(directory);
    return true;
  } catch (error) {
    if (["ENOENT", "ENOTEMPTY", "EEXIST"].includes(codeOf(error) ?? "")) return false;
    throw error;
  }
}
