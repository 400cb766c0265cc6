import { X509Certificate } from "node:crypto";
import { ensureAuthority } from "../../certs/authority.ts";
import type { AuthorityOptions } from "../../certs/authority.ts";
import { issueLeaf } from "../../certs/issue.ts";
import type { KeyPair } from "../../certs/issue.ts";
import { renewalTime } from "../../certs/verify.ts";
import type { AltName } from "../../certs/x509.ts";

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

/** This replica's serving certificate: in memory, from the CA that all replicas share. */
export class ServingCertificate {
  readonly #options: AuthorityOptions;
  readonly #names: readonly AltName[];
  #bundle = "";
  #current: Leaf | undefined;
  /** Issued, but not yet trusted by the live configurations. */
  #next: Leaf | undefined;

  constructor(options: AuthorityOptions, names: readonly AltName[]) {
    this.#options = options;
    this.#names = names;
  }

  /** The certificate in use; undefined before the first `refresh`. */
  get current(): KeyPair | undefined {
    return this.#current?.pair;
  }

  /** When the certificate in use ends. */
  get notAfter(): Date | undefined {
    return this.#current?.notAfter;
  }

  /** Reads or makes the CA, and issues a new leaf where one is due. The CA bundle that clients should trust. */
  async refresh(): Promise<string> {
    const authority = await ensureAuthority(this.#options, this.#bundle);
    this.#bundle = authority.bundle;
    const newest = this.#next ?? this.#current;
    const now = this.#options.clock.now();
    if (newest === undefined || newest.ca !== authority.ca.certificate || now >= newest.renewAt) {
      const pair = issueLeaf(authority.ca, this.#names, now);
      const certificate = new X509Certificate(pair.certificate);
      this.#next = {
        pair,
        ca: authority.ca.certificate,
        renewAt: renewalTime(certificate),
        notAfter: certificate.validToDate,
        trustedSince: undefined,
      };
      this.#current ??= this.#next;
    }
    return authority.bundle;
  }

  /**
   * Takes the next certificate into use once clients trust it: at once where the CA is the one in use, else when every
   * API server had time to see the new CA. The certificate to serve from now on, if it is new.
   */
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
}

/** Under which names the API server calls: the Service's, and the host of the URL where there is one. */
export function servingNames(service: string, namespace: string, url: string | undefined): AltName[] {
  const inCluster = [service, `${service}.${namespace}`, `${service}.${namespace}.svc`];
  const names: AltName[] = [...inCluster, `${service}.${namespace}.svc.cluster.local`].map((dns) => ({
    dns,
  }));
  if (url === undefined) return names;
  const { hostname } = new URL(url);
  return [...names, /^[\d.]+$/.test(hostname) ? { ip: hostname } : { dns: hostname }];
}
