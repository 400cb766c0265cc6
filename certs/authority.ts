import type { Clock } from "../common/clock.ts";
import { SchedgateError } from "../common/errors.ts";
import type { Logger } from "../common/log.ts";
import { rotate } from "./rotation.ts";
import type { Circumstances, Held } from "./rotation.ts";
import { readSecret, writeSecret } from "./secret.ts";
import type { Secret, SecretOptions } from "./secret.ts";

export interface AuthorityOptions extends SecretOptions {
  clock: Clock;
  log: Logger;
}

/** See `Circumstances`. */
export type Known = Pick<Circumstances, "isKnown" | "last" | "trusted">;

/** Set on the Secret by an admin: replace the CA now. Taken away once the new one signs. */
export const ROTATE_ANNOTATION = "schedgate.dev/rotate-ca";

/** As many as replicas could ever race, with room. */
const ATTEMPTS = 8;

/**
 * Reads the CAs from their Secret, and takes the next step of their rotation where it is due. Replicas agree by
 * compare-and-swap: who loses the race (409) reads what the winner wrote. Where the Secret is gone, what this replica
 * last read serves on.
 * @throws SchedgateError E_CA_SECRET, or KubeApiError.
 */
export async function ensureAuthority(options: AuthorityOptions, known: Known): Promise<Held> {
  const { clock, log, path } = options;
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const secret = await readSecret(options);
    if (secret === undefined) return withoutSecret(options, known.last);
    const held = heldIn(secret);
    const asked = secret.annotations[ROTATE_ANNOTATION] !== undefined;
    const wanted = rotate(held, { ...known, now: clock.now(), asked });
    if (wanted === undefined) return held;
    const signs = wanted.held.signing.certificate !== held.signing.certificate;
    if (await writeSecret(options, secret, valuesOf(wanted.held), signs ? [ROTATE_ANNOTATION] : [])) {
      log.info({ path, reason: wanted.reason }, signs ? "another CA signs from now on" : "wrote the CAs");
      return wanted.held;
    }
  }
  throw new SchedgateError("E_CA_SECRET", `${path}: another replica changed it ${ATTEMPTS} times in a row`);
}

/** Making it needs the right to make any Secret of the namespace, also tokens: the manifests make it. */
function withoutSecret({ log, path }: AuthorityOptions, last: Held | undefined): Held {
  const message = `${path} does not exist; the project's manifests create it empty: apply them again`;
  if (last === undefined) throw new SchedgateError("E_CA_SECRET", message);
  log.error({ path }, `${message}. The CA that this replica knows serves on, and will be put back`);
  return last;
}

function heldIn({ values }: Secret): Held {
  const until = new Date(values["ca-old-until"] ?? "");
  return {
    signing: { certificate: values["ca.crt"] ?? "", key: values["ca.key"] ?? "" },
    next: { certificate: values["ca-next.crt"] ?? "", key: values["ca-next.key"] ?? "" },
    bundle: values["ca-bundle.crt"] ?? "",
    oldUntil: Number.isNaN(until.getTime()) ? undefined : until,
  };
}

function valuesOf({ signing, next, bundle, oldUntil }: Held): Record<string, string> {
  return {
    "ca.crt": signing.certificate,
    "ca.key": signing.key,
    "ca-next.crt": next.certificate,
    "ca-next.key": next.key,
    "ca-bundle.crt": bundle,
    "ca-old-until": oldUntil?.toISOString() ?? "",
  };
}
