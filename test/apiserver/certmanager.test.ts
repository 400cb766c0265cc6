import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { parseAllDocuments, stringify } from "yaml";
import { pathOf, resources } from "../../common/kube/paths.ts";
import { issueCa, issueLeaf } from "../../certs/issue.ts";
import type { KeyPair } from "../../certs/issue.ts";
import { readBundle } from "../../certs/verify.ts";
import { create, eventually, get, must, namespace, startCluster } from "./cluster.ts";
import type { Cluster, Json } from "./cluster.ts";
import { ASK, grant, pod } from "./objects.ts";
import { startWebhook } from "./webhook.ts";
import type { Webhook } from "./webhook.ts";

const { hookGrants, pods, validatingWebhooks } = resources;
const manifests = join(import.meta.dirname, "../../manifests");

jest.setTimeout(90_000);

let cluster: Cluster;
let scratch: string;

beforeAll(async () => {
  cluster = await startCluster("certmanager");
  scratch = await mkdtemp(join(tmpdir(), "schedgate-certmanager-"));
  await namespace(cluster.api, "granted");
  await create(cluster.api, hookGrants, grant("granted", "granted"));
}, 600_000);

afterAll(async () => {
  await cluster.stop();
  await rm(scratch, { recursive: true });
}, 60_000);

/** What an admin writes who wants both, built. */
async function build(overlay: string): Promise<Json[]> {
  const directory = join(scratch, overlay);
  await mkdir(directory);
  const kustomization = {
    resources: [relative(directory, join(manifests, "overlays", overlay))],
    components: [relative(directory, join(manifests, "components/cert-manager"))],
  };
  await writeFile(join(directory, "kustomization.yaml"), stringify(kustomization));
  const text = await must(cluster.lab, ["kustomize", directory]);
  return parseAllDocuments(text).map((each) => each.toJS() as Json);
}

describe.each(["containerd", "crio"])("the component for cert-manager over the overlay %s", (overlay) => {
  test("gives the webhook its certificate's Secret, and the API server takes all that is not cert-manager's", async () => {
    const objects = await build(overlay);
    const ofCertManager = objects.filter((each) => String(each["apiVersion"]).startsWith("cert-manager.io/"));
    expect(
      ofCertManager.map(({ kind, metadata }) => `${String(kind)} ${String((metadata as Json)["name"])}`),
    ).toEqual(expect.arrayContaining(["Certificate schedgate-webhook", "Issuer schedgate-webhook"]));
    for (const { metadata } of ofCertManager)
      expect(metadata).toMatchObject({ namespace: "schedgate-system" });
    const { spec } =
      ofCertManager.find(
        (each) =>
          each["kind"] === "Certificate" && (each["metadata"] as Json)["name"] === "schedgate-webhook",
      ) ?? {};
    const text = JSON.stringify(objects);
    expect(text).toContain(`"secretName":"${String((spec as Json)["secretName"])}"`);
    expect(text).not.toContain("inject-ca-from");
    const others = objects.filter((each) => !ofCertManager.includes(each));
    const list = JSON.stringify({ apiVersion: "v1", kind: "List", items: others });
    await must(cluster.lab, ["apply", "--dry-run=server", "-f", "-"], list);
  });
});

/** A Secret as the kubelet mounts it: the files are links through `..data`, which is swapped for all of them at once. */
async function mount(directory: string, generation: number, pair: KeyPair, ca: KeyPair): Promise<void> {
  const data = `..${String(generation)}`;
  await mkdir(join(directory, data), { recursive: true });
  const files = { "tls.crt": pair.certificate, "tls.key": pair.key, "ca.crt": ca.certificate };
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(directory, data, name), text);
    if (generation === 1) await symlink(join("..data", name), join(directory, name));
  }
  await symlink(data, join(directory, "..data_tmp"));
  await rename(join(directory, "..data_tmp"), join(directory, "..data"));
}

/** How many CAs the API server trusts. */
async function trusted(): Promise<number> {
  const { webhooks } = await get(cluster.api, validatingWebhooks, { name: "schedgate" });
  const [first] = webhooks as { clientConfig: { caBundle: string } }[];
  return readBundle(Buffer.from(first?.clientConfig.caBundle ?? "", "base64").toString()).length;
}

describe("a webhook with a mounted certificate", () => {
  test("admits every granted pod while certificate and CA are renewed", async () => {
    const directory = join(scratch, "mounted");
    const now = new Date();
    const leafOf = (ca: KeyPair): KeyPair => issueLeaf(ca, [{ ip: "127.0.0.1" }], now);
    const [first, second] = [issueCa(now), issueCa(now)];
    await mount(directory, 1, leafOf(first), first);
    const webhook: Webhook = await startWebhook(cluster, { env: { SCHEDGATE_CERTIFICATE_DIR: directory } });
    const failures: unknown[] = [];
    let made = 0;
    const stop = new AbortController();
    const body = pod({ annotations: { [ASK]: "enabled" } });
    const path = pathOf(pods, { namespace: "granted" });
    const load = async (): Promise<void> => {
      while (!stop.signal.aborted) {
        await cluster.api
          .request({ method: "POST", path, body, query: { dryRun: "All" } })
          .catch((error: unknown) => failures.push(error));
        made += 1;
      }
    };
    const adopted = (times: number): Promise<unknown> =>
      eventually(
        `certificate ${String(times)} to be read`,
        () => {
          const read = webhook.log().filter(({ msg }) => msg === "read a new serving certificate");
          return Promise.resolve(read.length === times ? true : undefined);
        },
        30_000,
      );
    try {
      await webhook.ready();
      const loads = [load(), load()];
      await mount(directory, 2, leafOf(first), first);
      await adopted(2);
      await mount(directory, 3, leafOf(second), second);
      await adopted(3);
      await eventually("both CAs to be trusted", async () => ((await trusted()) >= 2 ? true : undefined));
      const before = made;
      await eventually(
        "load with the last one",
        () => Promise.resolve(made > before + 50 ? true : undefined),
        30_000,
      );
      stop.abort();
      await Promise.all(loads);
      expect(failures).toEqual([]);
      expect((await webhook.readyz()).status).toBe(200);
    } finally {
      stop.abort();
      await webhook.stop();
    }
  });
});
