import { X509Certificate } from "node:crypto";
import { ensureAuthority } from "../../certs/authority.ts";
import type { AuthorityOptions, Known } from "../../certs/authority.ts";
import { issueLeaf, LEAF_LIFE_MS } from "../../certs/issue.ts";
import type { KeyPair } from "../../certs/issue.ts";
import { holds } from "../../certs/rotation.ts";
import type { Held } from "../../certs/rotation.ts";
import { renewalTime } from "../../certs/verify.ts";
import type { AltName } from "../../certs/x509.ts";

/** Where a replica has its serving certificate from. */
export interface CertificateSource {
  /** The certificate in use; undefined before the first `refresh`. */
  readonly current: KeyPair | undefined;
  /** When the certificate in use ends. */
  readonly notAfter: Date | undefined;
  /** Looks for what is new. `live` are the CA bundles of both live configurations, "" where one has none. */
  refresh(live: readonly string[]): Promise<void>;
  /** The CA bundle that a configuration should hold, where it now holds `live`. */
  bundleFor(live: string): string;
  /** The certificate to serve from now on, where there is a new one that clients trust. */
  adopt(isTrusted: (leaf: string) => boolean): KeyPair | undefined;
}

interface Leaf {
  pair: KeyPair;
  /** The CA that signed it. */
  ca: string;
  renewAt: Date;
  notAfter: Date;
  /** Since when the live configurations trust it. */
  trustedSince: Date | undefined;
}

/** Every API server follows the configurations by its own watch: so long a new CA is given to be known to all. */
export const PROPAGATION_MS = 30_000;

/** This replica's own certificate: in memory, from the CA that all replicas share. */
export class ServingCertificate implements CertificateSource {
  readonly #options: AuthorityOptions;
  readonly #names: readonly AltName[];
  readonly #leafMs: number;
  #held: Held | undefined;
  #current: Leaf | undefined;
  /** Issued, but not yet trusted by the live configurations. */
  #next: Leaf | undefined;
  /** The CA that is to sign next, and since when both live configurations hold it. */
  #seen: { ca: string; since: Date } | undefined;

  constructor(options: AuthorityOptions, names: readonly AltName[], leafMs = LEAF_LIFE_MS) {
    this.#options = options;
    this.#names = names;
    this.#leafMs = leafMs;
  }

  get current(): KeyPair | undefined {
    return this.#current?.pair;
  }

  get notAfter(): Date | undefined {
    return this.#current?.notAfter;
  }

  /** Reads, makes or rotates the CA, and issues a new leaf where one is due. */
  async refresh(live: readonly string[]): Promise<void> {
    const { signing } = (this.#held = await ensureAuthority(this.#options, this.#known(live)));
    const newest = this.#next ?? this.#current;
    const now = this.#options.clock.now();
    if (newest?.ca === signing.certificate && now < newest.renewAt) return;
    const pair = issueLeaf(signing, this.#names, now, this.#leafMs);
    const certificate = new X509Certificate(pair.certificate);
    this.#next = {
      pair,
      ca: signing.certificate,
      renewAt: renewalTime(certificate),
      notAfter: certificate.validToDate,
      trustedSince: undefined,
    };
    this.#current ??= this.#next;
  }

  bundleFor(): string {
    return this.#held?.bundle ?? "";
  }

  /** At once where the CA is the one in use, else when every API server had time to see the new CA. */
  adopt(isTrusted: (leaf: string) => boolean): KeyPair | undefined {
    const [next, current, now] = [this.#next, this.#current, this.#options.clock.now()];
    if (next === undefined) return undefined;
    next.trustedSince = isTrusted(next.pair.certificate) ? (next.trustedSince ?? now) : undefined;
    if (next.trustedSince === undefined) return undefined;
    // Waiting helps only while the API server still trusts the one in use.
    const canWait = current !== undefined && current.ca !== next.ca && isTrusted(current.pair.certificate);
    if (canWait && now.getTime() - next.trustedSince.getTime() < PROPAGATION_MS) return undefined;
    this.#next = undefined;
    this.#current = next;
    return next.pair;
  }

  #known(live: readonly string[]): Known {
    const isKnown = (ca: string): boolean => {
      const now = this.#options.clock.now();
      if (live.length === 0 || !live.every((bundle) => holds(bundle, ca))) this.#seen = undefined;
      else if (this.#seen?.ca !== ca) this.#seen = { ca, since: now };
      return this.#seen !== undefined && now.getTime() - this.#seen.since.getTime() >= PROPAGATION_MS;
    };
    return { isKnown, last: this.#held, trusted: live.join("") };
  }
}
