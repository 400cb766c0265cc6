import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { resources } from "../../../common/kube/paths.ts";
import type { ObjectName } from "../../../common/kube/paths.ts";
import { hasStatus } from "../../../common/kube/port.ts";
import type { KubeApi } from "../../../common/kube/port.ts";
import { cacheRoot, openCache } from "../../lab/cache.ts";
import type { Cache } from "../../lab/cache.ts";
import { go, toolModule } from "../../lab/go.ts";
import { moduleFiles } from "../../lab/modulefiles.ts";
import { openProcesses } from "../../lab/processes.ts";
import { kindsServed } from "../../lab/product/kinds.ts";
import { get, must, patch } from "../cluster.ts";
import type { Cluster } from "../cluster.ts";

const MODULE = "github.com/cert-manager/cert-manager";
const VERSION = "v1.21.2";
const KINDS = ["certificaterequests", "certificates", "clusterissuers", "issuers"];

/** The files of a Secret as its volume has them. */
export type Files = Record<string, string>;

/** Installs cert-manager's kinds, and runs its controllers as a process of the lab: it ends with the lab. */
export async function startCertManager({ lab }: Cluster): Promise<void> {
  const cache = openCache(cacheRoot(process.env), lab.options.log);
  const files = KINDS.map((each) => `deploy/crds/cert-manager.io_${each}.yaml`);
  const kinds = await moduleFiles(cache, { module: MODULE, version: VERSION, files });
  const command = await buildController(cache);
  await must(lab, ["create", "-f", kinds]);
  await kindsServed(lab);
  const args = ["-kubeconfig", lab.kubeconfig];
  await openProcesses(lab.stateDir).start({ name: "cert-manager", command, args });
}

/** The program, from its Go modules: about 2 minutes on two CPUs, and 60 MB of modules. */
async function buildController(cache: Cache): Promise<string> {
  const main = await readFile(join(import.meta.dirname, "controller.go"), "utf8");
  const key = { thing: "cert-manager", version: VERSION, recipe: { main, arch: process.arch } };
  const directory = await cache.get(key, async (out) => {
    const work = join(out, "work");
    await mkdir(work);
    await writeFile(join(work, "main.go"), main);
    await writeFile(join(work, "go.mod"), toolModule(MODULE, VERSION, []));
    await go(work, ["mod", "tidy"]);
    await go(work, ["build", "-trimpath", "-ldflags", "-s -w", "-o", join(out, "controller"), "."]);
    await rm(work, { recursive: true });
  });
  return join(directory, "controller");
}

/** Has a Certificate issued again now, as `cmctl renew` does. */
export async function renew(api: KubeApi, at: ObjectName): Promise<void> {
  const certificates = { group: "cert-manager.io", version: "v1", resource: "certificates" };
  const { status } = (await get(api, certificates, at)) as { status: { conditions: { type: string }[] } };
  const issuing = {
    type: "Issuing",
    status: "True",
    reason: "ManuallyTriggered",
    message: "renewed by a test",
    lastTransitionTime: new Date().toISOString().replace(/\.\d+/, ""),
  };
  const conditions = [...status.conditions.filter(({ type }) => type !== "Issuing"), issuing];
  await patch(api, certificates, { ...at, subresource: "status" }, { body: { status: { conditions } } });
}

/** The files of a Secret, undefined where there is none or it is empty. */
export async function secretFiles(api: KubeApi, at: ObjectName): Promise<Files | undefined> {
  try {
    const { data } = (await get(api, resources.secrets, at)) as { data?: Record<string, string> };
    if (data === undefined) return undefined;
    const text = (base64: string): string => Buffer.from(base64, "base64").toString();
    return Object.fromEntries(Object.entries(data).map(([name, value]) => [name, text(value)]));
  } catch (error) {
    if (hasStatus(error, 404)) return undefined;
    throw error;
  }
}
