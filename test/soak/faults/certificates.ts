import { once } from "node:events";
import { join } from "node:path";
import { connect } from "node:tls";
import { pathOf, resources } from "../../../common/kube/paths.ts";
import { eventually, get, must, patch } from "../../apiserver/cluster.ts";
import type { Json } from "../../apiserver/cluster.ts";
import type { Webhook } from "../../apiserver/webhook.ts";
import type { World } from "../world.ts";
import type { Fault } from "./fault.ts";

const { secrets } = resources;
const at = { namespace: "schedgate-system", name: "schedgate-webhook-ca" };
const manifest = join(import.meta.dirname, "../../../manifests/base/webhook-secret.yaml");

/** The steps wait twice 30 s for all API servers to know the new CA, in loops of 10 s. */
const ROTATED_MS = 150_000;
/** A leaf of 31 minutes is renewed after 41 s; and a loop. */
const RENEWED_MS = 90_000;

export const caRotation: Fault = {
  name: "ca",
  title: "CA rotation, asked for by annotation",
  async run({ api, replicas }) {
    const before = await signers(replicas.all);
    await patch(api, secrets, at, {
      body: { metadata: { annotations: { "schedgate.dev/rotate-ca": "now" } } },
    });
    await eventually(
      "certificates of the next CA on all replicas",
      async () => {
        const after = await signers(replicas.all);
        return after.every((each) => !before.includes(each)) ? true : undefined;
      },
      ROTATED_MS,
    );
  },
};

export const leafRotation: Fault = {
  name: "leaf",
  title: "each replica's certificate renewed",
  async run({ replicas }) {
    const serials = async (): Promise<string[]> =>
      (await Promise.all(replicas.all.map(certificateOf))).map((each) => each.serial);
    const before = await serials();
    await eventually(
      "a new certificate on all replicas",
      async () => ((await serials()).every((each) => !before.includes(each)) ? true : undefined),
      RENEWED_MS,
    );
  },
};

export const secretDeleted: Fault = {
  name: "secret",
  title: "the CA's Secret deleted, and made anew by the manifests",
  async run(world) {
    const before = await get(world.api, secrets, at);
    await deleteSecret(world);
    await eventually(
      "all replicas to miss it",
      async () => {
        const missed = world.replicas.all.map((each) =>
          each.log().some((line) => String(line["msg"]).includes("serves on, and will be put back")),
        );
        return (await Promise.resolve(missed)).every(Boolean) ? true : undefined;
      },
      30_000,
    );
    const after = await restoreSecret(world);
    if (after["ca.crt"] !== (before["data"] as Json)["ca.crt"]) throw new Error("another CA was put back");
  },
};

export async function deleteSecret({ api }: World): Promise<void> {
  await api.request({ method: "DELETE", path: pathOf(secrets, at) });
}

/** Its data, once a replica wrote it. */
export async function restoreSecret({ cluster, api }: World): Promise<Json> {
  await must(cluster.lab, ["apply", "-n", at.namespace, "-f", manifest]);
  return eventually(
    "the CA to be put back",
    async () => {
      const { data = {} } = (await get(api, secrets, at)) as { data?: Json };
      return data["ca.key"] === undefined ? undefined : data;
    },
    30_000,
  );
}

async function signers(replicas: readonly Webhook[]): Promise<string[]> {
  return (await Promise.all(replicas.map(certificateOf))).map((each) => each.issuer);
}

/** What a replica shows to a new connection. */
async function certificateOf({ port }: Webhook): Promise<{ serial: string; issuer: string }> {
  const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false });
  try {
    await once(socket, "secureConnect");
    const { serialNumber, issuer } = socket.getPeerCertificate();
    return { serial: serialNumber, issuer: String(issuer.CN) };
  } finally {
    socket.destroy();
  }
}
