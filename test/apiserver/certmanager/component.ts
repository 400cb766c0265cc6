import { mkdtemp, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { parseAllDocuments, stringify } from "yaml";
import type { Lab } from "../../lab/lab.ts";
import { must } from "../cluster.ts";
import type { Json } from "../cluster.ts";

const manifests = join(import.meta.dirname, "../../../manifests");

/** A patch of the component: the API server of a lab calls the webhook at an address of this machine. */
export const alsoForThisMachine = {
  target: { kind: "Certificate", name: "schedgate-webhook" },
  patch: stringify([{ op: "add", path: "/spec/ipAddresses", value: ["127.0.0.1"] }]),
};

/** What an admin writes who wants an overlay and the component, built. */
export async function build(
  lab: Lab,
  scratch: string,
  overlay: string,
  patches: object[] = [],
): Promise<Json[]> {
  const directory = await mkdtemp(join(scratch, overlay));
  const kustomization = {
    resources: [relative(directory, join(manifests, "overlays", overlay))],
    components: [relative(directory, join(manifests, "components/cert-manager"))],
    patches,
  };
  await writeFile(join(directory, "kustomization.yaml"), stringify(kustomization));
  const text = await must(lab, ["kustomize", directory]);
  return parseAllDocuments(text).map((each) => each.toJS() as Json);
}

/** Whether an object is for cert-manager. */
export function isCertManagers(object: Json): boolean {
  return String(object["apiVersion"]).startsWith("cert-manager.io/");
}

interface PodSpec {
  containers: {
    env?: { name: string; value?: string }[];
    volumeMounts?: { name: string; mountPath: string }[];
  }[];
  volumes?: { name: string; secret?: { secretName: string } }[];
}

/** The name of the Secret that the built Deployment mounts where its webhook looks for a certificate. */
export function secretInUse(objects: Json[]): string {
  const deployment = objects.find(
    ({ kind, metadata }) => kind === "Deployment" && (metadata as Json)["name"] === "schedgate-webhook",
  ) as { spec: { template: { spec: PodSpec } } } | undefined;
  const { containers, volumes = [] } = deployment?.spec.template.spec ?? { containers: [] };
  const [{ env = [], volumeMounts = [] } = {}] = containers;
  const directory = env.find(({ name }) => name === "SCHEDGATE_CERTIFICATE_DIR")?.value;
  const volume = volumeMounts.find(({ mountPath }) => mountPath === directory)?.name;
  const secret = volumes.find(({ name }) => name === volume)?.secret?.secretName;
  if (secret === undefined) throw new Error("the Deployment mounts no Secret where its webhook looks");
  return secret;
}
