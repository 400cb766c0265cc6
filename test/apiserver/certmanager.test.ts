import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { afterAll, beforeAll, describe, expect, jest, test } from "@jest/globals";
import { resources } from "../../common/kube/paths.ts";
import { issueCa, issueLeaf } from "../../certs/issue.ts";
import type { KeyPair } from "../../certs/issue.ts";
import { readBundle } from "../../certs/verify.ts";
import { alsoForThisMachine, build, isCertManagers, secretInUse } from "./certmanager/component.ts";
import { underLoad } from "./certmanager/load.ts";
import type { More } from "./certmanager/load.ts";
import { renew, secretFiles, startCertManager } from "./certmanager/run.ts";
import type { Files } from "./certmanager/run.ts";
import { secretVolume } from "./certmanager/volume.ts";
import { create, eventually, get, must, namespace, remove, startCluster } from "./cluster.ts";
import type { Cluster, Json } from "./cluster.ts";
import { grant } from "./objects.ts";
import { startWebhook } from "./webhook.ts";
import type { Webhook } from "./webhook.ts";

const { hookGrants, secrets, validatingWebhooks } = resources;

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

describe.each(["containerd", "crio"])("the component for cert-manager over the overlay %s", (overlay) => {
  test("gives the webhook its certificate's Secret, and the API server takes all that is not cert-manager's", async () => {
    const objects = await build(cluster.lab, scratch, overlay);
    const ofCertManager = objects.filter(isCertManagers);
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
    expect((spec as Json)["secretName"]).toBe(secretInUse(objects));
    expect(JSON.stringify(objects)).not.toContain("inject-ca-from");
    const others = objects.filter((each) => !isCertManagers(each));
    const list = JSON.stringify({ apiVersion: "v1", kind: "List", items: others });
    await must(cluster.lab, ["apply", "--dry-run=server", "-f", "-"], list);
  });
});

/** The CAs that the API server trusts, by their fingerprints. */
async function trusted(): Promise<string[]> {
  const { webhooks } = await get(cluster.api, validatingWebhooks, { name: "schedgate" });
  const [first] = webhooks as { clientConfig: { caBundle: string } }[];
  return readBundle(Buffer.from(first?.clientConfig.caBundle ?? "", "base64").toString()).map(fingerprint);
}

const fingerprint = ({ fingerprint256 }: X509Certificate): string => fingerprint256;
const fingerprintIn = (files: Files, name: "tls.crt" | "ca.crt"): string =>
  fingerprint(new X509Certificate(files[name] ?? ""));

/** The certificate that a client is shown who trusts these CAs alone and calls the webhook by its Service's name. */
async function shownBy({ port }: Webhook, ca: string): Promise<string | undefined> {
  const servername = "schedgate-webhook.schedgate-system.svc";
  const socket = connect({ host: "127.0.0.1", port, ca, servername });
  try {
    await once(socket, "secureConnect");
    return socket.getPeerX509Certificate()?.fingerprint256;
  } finally {
    socket.destroy();
  }
}

/** Waits until the webhook serves the certificate of these files, to clients that trust the CAs of both. */
async function serves(webhook: Webhook, files: Files, before: Files = files): Promise<void> {
  const wanted = fingerprintIn(files, "tls.crt");
  const cas = [before, files].map((each) => each["ca.crt"]).join("\n");
  const isShown = async (): Promise<true | undefined> =>
    (await shownBy(webhook, cas)) === wanted ? true : undefined;
  await eventually("the new certificate to be served", isShown, 30_000);
}

interface Renewing {
  webhook: Webhook;
  /** Puts the next files where the webhook looks. */
  mount: (files: Files) => Promise<void>;
  more: More;
}

/** That a webhook which begins with these files fails no create of a granted pod while `work` renews them, and is ready then. */
async function expectNoFailure(
  folder: string,
  first: Files,
  work: (renewing: Renewing) => Promise<void>,
): Promise<void> {
  const directory = join(scratch, folder);
  const mount = secretVolume(directory);
  await mount(first);
  const webhook = await startWebhook(cluster, { env: { SCHEDGATE_CERTIFICATE_DIR: directory } });
  try {
    await webhook.ready();
    const failures = await underLoad(cluster.api, "granted", (more) => work({ webhook, mount, more }));
    expect(failures).toEqual([]);
    expect((await webhook.readyz()).status).toBe(200);
  } finally {
    await webhook.stop();
  }
}

async function expectBothTrusted(...files: Files[]): Promise<void> {
  const fingerprints = files.map((each) => fingerprintIn(each, "ca.crt"));
  expect(await trusted()).toEqual(expect.arrayContaining(fingerprints));
}

describe("a webhook with a mounted certificate", () => {
  test("admits every granted pod while certificate and CA are renewed", async () => {
    const now = new Date();
    const names = [{ ip: "127.0.0.1" }, { dns: "schedgate-webhook.schedgate-system.svc" }];
    const issue = (ca: KeyPair): Files => {
      const { certificate, key } = issueLeaf(ca, names, now);
      return { "tls.crt": certificate, "tls.key": key, "ca.crt": ca.certificate };
    };
    const [ca, otherCa] = [issueCa(now), issueCa(now)];
    const [first, second, third] = [issue(ca), issue(ca), issue(otherCa)];
    await expectNoFailure("mounted", first, async ({ webhook, mount, more }) => {
      await mount(second);
      await serves(webhook, second);
      await mount(third);
      await serves(webhook, third, second);
      await expectBothTrusted(second, third);
      await more(50);
    });
  });
});

describe("the component where cert-manager's own controllers run", () => {
  const at = { namespace: "schedgate-system" };
  const authority = "schedgate-webhook-authority";
  let secret: string;

  beforeAll(async () => {
    await startCertManager(cluster);
    const objects = await build(cluster.lab, scratch, "containerd", [alsoForThisMachine]);
    secret = secretInUse(objects);
    const list = JSON.stringify({ apiVersion: "v1", kind: "List", items: objects.filter(isCertManagers) });
    await must(cluster.lab, ["apply", "-f", "-"], list);
    const ready = ["wait", "--for=condition=Ready", "certificate", "--all", "--timeout=60s"];
    await must(cluster.lab, ["-n", at.namespace, ...ready]);
  }, 900_000);

  /** A Secret's files, once their certificate is not this one. */
  const filesAfter = (name: string, before: Files = {}): Promise<Files> =>
    eventually(
      `new files in Secret ${name}`,
      async () => {
        const files = await secretFiles(cluster.api, { ...at, name });
        return files?.["tls.crt"] === before["tls.crt"] ? undefined : files;
      },
      60_000, // its controllers may have to try again
    );

  test("admits every granted pod while certificate and CA are renewed by them", async () => {
    const first = await filesAfter(secret);
    await expectNoFailure("issued", first, async ({ webhook, mount, more }) => {
      await serves(webhook, first);
      await renew(cluster.api, { ...at, name: "schedgate-webhook" });
      const second = await filesAfter(secret, first);
      expect(second["ca.crt"]).toBe(first["ca.crt"]);
      expect(second["tls.key"]).not.toBe(first["tls.key"]);
      await mount(second);
      await serves(webhook, second);
      await more(50);

      const ca = await filesAfter(authority);
      await renew(cluster.api, { ...at, name: authority });
      const otherCa = await filesAfter(authority, ca);
      await remove(cluster.api, secrets, { ...at, name: secret });
      const third = await filesAfter(secret, second);
      expect(third["ca.crt"]).toBe(otherCa["tls.crt"]);
      await mount(third);
      await serves(webhook, third, second);
      await expectBothTrusted(second, third);
      await more(50);
    });
  }, 180_000);
});
