import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { issueCa, issueLeaf } from "../../../../certs/issue.ts";
import { hookProfileSchema } from "../../../../common/api/hookprofile.ts";
import type { HookProfile } from "../../../../common/api/hookprofile.ts";
import { pathOf, resources } from "../../../../common/kube/paths.ts";
import type { KubeApi } from "../../../../common/kube/port.ts";
import { matchConditions } from "../../../../webhook/controller/matchconditions.ts";
import { create, remove } from "../../../apiserver/cluster.ts";
import type { Json } from "../../../apiserver/cluster.ts";
import { freePorts } from "../../../lab/ports.ts";
import { openProcesses } from "../../../lab/processes.ts";
import { waitFor } from "../../../lab/wait.ts";
import { GRANTED } from "../workloads.ts";
import type { Bench, Contender } from "./contender.ts";
import { steadily, tryPod } from "./probe.ts";

const NAMESPACE = "schedgate-system";
const program = join(import.meta.dirname, "../echo/main.ts");

/**
 * A webhook that allows everything, called once a pod (validating) or twice (mutating as well), without conditions. One
 * stands behind schedgate's own matchConditions and adds an annotation: what all of it costs without any judging.
 */
export async function echo({ cluster }: Bench, name: "echo" | "echo2" | "floor"): Promise<Contender> {
  const [port = 0, counter = 0] = await freePorts(2);
  const ca = issueCa(new Date());
  const leaf = issueLeaf(ca, [{ ip: "127.0.0.1" }], new Date());
  const files = [
    join(cluster.lab.stateDir, `${name}.crt`),
    join(cluster.lab.stateDir, `${name}.key`),
  ] as const;
  await writeFile(files[0], leaf.certificate);
  await writeFile(files[1], leaf.key, { mode: 0o600 });
  const processes = openProcesses(cluster.lab.stateDir);
  const args = [program, String(port), String(counter), ...files];
  const { pid } = await processes.start({ name, command: process.execPath, args });
  await waitFor({ what: `answer of ${name}`, timeoutMs: 10_000 }, () =>
    callsOf(counter).catch(() => undefined),
  );
  const newCalls = async (): Promise<number> => {
    const before = await callsOf(counter);
    await tryPod(cluster, GRANTED, "protected");
    return (await callsOf(counter)) - before;
  };

  const kinds = { mutate: resources.mutatingWebhooks, validate: resources.validatingWebhooks };
  const used = name === "echo" ? (["validate"] as const) : (["mutate", "validate"] as const);
  const patches = name === "floor";
  const pathTo = { mutate: patches ? "patch" : "", validate: "" };
  const matched = patches
    ? { matchConditions: matchConditions(await profilesOf(cluster.api), NAMESPACE) }
    : {};
  const metadata = { name: `bench-${name}` };
  return {
    name,
    pid: () => pid,
    install: async () => {
      for (const each of used)
        await create(cluster.api, kinds[each], {
          metadata,
          webhooks: [
            { ...webhook(each, `https://127.0.0.1:${port}/${pathTo[each]}`, ca.certificate), ...matched },
          ],
        });
      await steadily(`calls of ${name}`, async () => (await newCalls()) === used.length);
    },
    remove: async () => {
      for (const each of used) await remove(cluster.api, kinds[each], metadata);
      await steadily(`end of the calls of ${name}`, async () => (await newCalls()) === 0);
    },
    stop: async () => {
      await processes.end(name);
    },
  };
}

function webhook(kind: "mutate" | "validate", url: string, ca: string): Json {
  return {
    name: `${kind}.bench.schedgate.dev`,
    admissionReviewVersions: ["v1"],
    clientConfig: { url, caBundle: Buffer.from(ca).toString("base64") },
    rules: [{ apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE", "UPDATE"], resources: ["pods"] }],
    failurePolicy: "Fail",
    sideEffects: "None",
    timeoutSeconds: 5,
    ...(kind === "mutate" && { reinvocationPolicy: "IfNeeded" }),
  };
}

async function profilesOf(api: KubeApi): Promise<HookProfile[]> {
  const { items } = (await api.request({ method: "GET", path: pathOf(resources.hookProfiles) })) as {
    items: unknown[];
  };
  return items.map((each) => hookProfileSchema.parse(each));
}

async function callsOf(counter: number): Promise<number> {
  return Number(await (await fetch(`http://127.0.0.1:${counter}/`)).text());
}
