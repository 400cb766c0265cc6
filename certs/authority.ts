import * as z from "zod";
import type { Clock } from "../common/clock.ts";
import { messageOf, SchedgateError } from "../common/errors.ts";
import { hasStatus } from "../common/kube/port.ts";
import type { KubeApi } from "../common/kube/port.ts";
import type { Logger } from "../common/log.ts";
import { issueCa } from "./issue.ts";
import type { KeyPair } from "./issue.ts";
import { isCurrent, readBundle, whyReplaceCa } from "./verify.ts";

/** The CA that every replica issues from, and every CA that clients should trust: this one, then older ones still in their time. */
export interface Authority {
  ca: KeyPair;
  bundle: string;
}

const secretSchema = z.looseObject({
  metadata: z.looseObject({ resourceVersion: z.string() }),
  data: z.record(z.string(), z.string()).nullish(),
});
type Secret = z.infer<typeof secretSchema>;

export interface AuthorityOptions {
  api: KubeApi;
  clock: Clock;
  log: Logger;
  /** Path of the Secret. It must exist: the rights of the webhook are for this one name. */
  path: string;
}

/** As many as replicas could ever race, with room. */
const ATTEMPTS = 8;

/** At most this many old CAs stay trusted; they also leave when their time is over. */
const OLD_CAS = 4;

/**
 * Reads the CA from its Secret, and makes one where there is none or its time is nearly over. Replicas agree by
 * compare-and-swap: who loses the race (409) reads what the winner wrote.
 * @param known a bundle that clients may trust already; its CAs stay trusted should the Secret have been emptied.
 * @throws SchedgateError E_CA_SECRET, or KubeApiError.
 */
export async function ensureAuthority(options: AuthorityOptions, known = ""): Promise<Authority> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const secret = await read(options);
    const pair = { certificate: text(secret, "ca.crt"), key: text(secret, "ca.key") };
    const reason = pair.certificate === "" ? "there is none yet" : whyReplaceCa(pair, options.clock.now());
    if (reason === undefined)
      return { ca: pair, bundle: merge([text(secret, "ca-bundle.crt")], pair, options) };
    const made = issueCa(options.clock.now());
    const bundle = merge([text(secret, "ca-bundle.crt"), pair.certificate, known], made, options);
    if (
      await write(options, secret, {
        "ca.crt": made.certificate,
        "ca.key": made.key,
        "ca-bundle.crt": bundle,
      })
    ) {
      options.log.info({ reason }, "made a new CA");
      return { ca: made, bundle };
    }
  }
  throw new SchedgateError(
    "E_CA_SECRET",
    `${options.path}: another replica changed it ${ATTEMPTS} times in a row`,
  );
}

async function read({ api, path }: AuthorityOptions): Promise<Secret> {
  try {
    return secretSchema.parse(await api.request({ method: "GET", path }));
  } catch (error) {
    if (!hasStatus(error, 404)) throw error;
    const message = `${path} does not exist; the project's manifests create it empty: apply them again`;
    throw new SchedgateError("E_CA_SECRET", message, { cause: error });
  }
}

/** False where somebody else wrote since we read. */
async function write(
  { api, path }: AuthorityOptions,
  secret: Secret,
  values: Record<string, string>,
): Promise<boolean> {
  const data = Object.fromEntries(
    Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString("base64")]),
  );
  try {
    await api.request({ method: "PUT", path, body: { ...secret, data: { ...secret.data, ...data } } });
    return true;
  } catch (error) {
    if (hasStatus(error, 409)) return false;
    throw error;
  }
}

function text(secret: Secret, key: string): string {
  return Buffer.from(secret.data?.[key] ?? "", "base64").toString("utf8");
}

/** The current CA first, then the others that are still in their time, without repeats. */
function merge(bundles: readonly string[], current: KeyPair, options: AuthorityOptions): string {
  const now = options.clock.now();
  const old = bundles
    .flatMap((each) => readable(each, options))
    .filter((each) => each.ca && isCurrent(each, now));
  const unique = new Set([current.certificate.trim(), ...old.map((each) => each.toString().trim())]);
  return [...unique]
    .slice(0, OLD_CAS + 1)
    .map((each) => `${each}\n`)
    .join("");
}

/** A damaged bundle must not keep the webhook from making a new CA: it is dropped, and said. */
function readable(bundle: string, { log, path }: AuthorityOptions): ReturnType<typeof readBundle> {
  try {
    return readBundle(bundle);
  } catch (error) {
    log.warn({ path, error: messageOf(error) }, "dropped a CA bundle that cannot be read");
    return [];
  }
}
