import * as z from "zod";
import { hookGrantSchema } from "../../../common/api/hookgrant.ts";
import type { HookGrant } from "../../../common/api/hookgrant.ts";
import { API_VERSION, GROUP } from "../../../common/api/names.ts";
import { dnsSubdomain } from "../../../common/api/scheme.ts";
import { pathOf, resources } from "../../../common/kube/paths.ts";
import { hasStatus } from "../../../common/kube/port.ts";
import type { KubeApi } from "../../../common/kube/port.ts";
import { isExpired } from "../../policy/grants.ts";
import type { Arguments } from "../arguments.ts";
import { usageError } from "../arguments.ts";
import { CLUSTER, HELP } from "../command.ts";
import type { Command } from "../command.ts";
import { formatted, OUTPUT, yaml } from "../output.ts";
import type { World } from "../world.ts";

/** Who owns the fields that `--apply` writes. */
const FIELD_MANAGER = "schedgate-cli";

/** A HookGrant for one namespace or service account. */
export const grant: Command = {
  name: "grant",
  summary: "Prints a HookGrant, or with --apply writes it.",
  operands: "NAMESPACE[/SERVICEACCOUNT]",
  maxOperands: 1,
  options: {
    profile: { type: "string", value: "NAME", help: "the HookProfile to grant" },
    name: {
      type: "string",
      value: "NAME",
      help: "the HookGrant's; default: NAMESPACE or NAMESPACE-SERVICEACCOUNT",
    },
    pods: { type: "string", value: "N", help: "pods at a time; default: no limit" },
    cpus: { type: "string", value: "N", help: "isolated CPUs at a time; default: no limit" },
    "not-after": { type: "string", value: "TIME", help: "refused from then on, as 2027-01-01T00:00:00Z" },
    apply: { type: "boolean", help: "write it to the cluster (server-side apply)" },
    ...OUTPUT,
    ...CLUSTER,
    ...HELP,
  },
  examples: [
    { what: "every service account of a namespace", args: "trading --profile cpu-isolation" },
    {
      what: "one service account, with limits, written at once",
      args: "trading/engine --profile cpu-isolation --pods 10 --cpus 8 --apply",
    },
  ],
  run,
};

async function run(args: Arguments, world: World): Promise<number> {
  const made = grantFrom(args, world.clock.now());
  const form = args.get("output");
  if (!args.has("apply")) {
    world.print(formatted(form, made, () => yaml(made)));
    return 0;
  }
  const { api } = await world.connect(args);
  const { name } = made.metadata;
  const written = await api.request({
    method: "PATCH",
    path: pathOf(resources.hookGrants, { name }),
    patch: "apply",
    query: { fieldManager: FIELD_MANAGER },
    body: made,
  });
  world.print(formatted(form, written, () => `hookgrant.${GROUP}/${name} serverside-applied`));
  if (!(await exists(api, made.spec.profileName))) {
    world.complain(
      `HookProfile ${made.spec.profileName} does not exist: until it does, ${name} grants nothing`,
    );
  }
  return 0;
}

/** The HookGrant that the arguments describe. @throws SchedgateError E_USAGE */
function grantFrom(args: Arguments, now: Date): HookGrant & { apiVersion: string; kind: string } {
  const { namespace, serviceAccount } = subjectFrom(args);
  const notAfter = instant(args.get("not-after"), now);
  const limits = limitsFrom(args);
  const wanted = {
    apiVersion: API_VERSION,
    kind: "HookGrant",
    metadata: { name: args.get("name") ?? [namespace, serviceAccount].filter(Boolean).join("-") },
    spec: {
      profileName: args.need("profile"),
      subjects: [{ namespace, ...(serviceAccount !== undefined && { serviceAccounts: [serviceAccount] }) }],
      ...(Object.keys(limits).length > 0 && { limits }),
      ...(notAfter !== undefined && { notAfter }),
    },
  };
  checkNames([wanted.metadata.name, wanted.spec.profileName, serviceAccount ?? namespace, namespace]);
  const parsed = hookGrantSchema.safeParse(wanted);
  if (parsed.success) return { ...wanted, ...parsed.data };
  throw usageError(z.prettifyError(parsed.error).replaceAll("✖ ", ""));
}

function subjectFrom({ operands }: Arguments): { namespace: string; serviceAccount: string | undefined } {
  const [namespace = "", serviceAccount, ...rest] = (operands[0] ?? "").split("/");
  if (namespace === "" || serviceAccount === "" || rest.length > 0)
    throw usageError("say to whom: NAMESPACE or NAMESPACE/SERVICEACCOUNT");
  return { namespace, serviceAccount };
}

function limitsFrom(args: Arguments): { pods?: number; isolatedCPUs?: number } {
  const [pods, isolatedCPUs] = [args.number("pods"), args.number("cpus")];
  return { ...(pods !== undefined && { pods }), ...(isolatedCPUs !== undefined && { isolatedCPUs }) };
}

function checkNames(names: readonly string[]): void {
  const name = dnsSubdomain("A name.");
  const bad = names.find((each) => !name.safeParse(each).success);
  if (bad !== undefined)
    throw usageError(`"${bad}" cannot be a name: use lower-case letters, digits, - and .`);
}

/** An instant as the API takes it, in the future: a grant that has ended already is a slip of the pen. */
function instant(text: string | undefined, now: Date): string | undefined {
  if (text === undefined) return undefined;
  const parsed = z.iso.datetime({ offset: true }).safeParse(text);
  if (!parsed.success)
    throw usageError(`--not-after must be an instant such as 2027-01-01T00:00:00Z, not "${text}"`);
  if (isExpired(text, now)) throw usageError(`--not-after ${text} has passed already`);
  return text;
}

async function exists(api: KubeApi, profile: string): Promise<boolean> {
  try {
    await api.request({ method: "GET", path: pathOf(resources.hookProfiles, { name: profile }) });
    return true;
  } catch (error) {
    if (hasStatus(error, 404)) return false;
    throw error;
  }
}
