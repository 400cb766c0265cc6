import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { messageOf, SchedgateError } from "../../common/errors.ts";
import type { Clock } from "../../common/clock.ts";
import { trustToo } from "../../certs/rotation.ts";
import type { Logger } from "../../common/log.ts";
import { createSecureContext } from "node:tls";
import type { KeyPair } from "../../certs/issue.ts";
import type { CertificateSource } from "./certificate.ts";

export interface FileCertificateOptions {
  log: Logger;
  clock: Clock;
  /** Where tls.crt, tls.key and ca.crt are: a mounted Secret. */
  directory: string;
}

/** A serving certificate that somebody else makes and renews, such as cert-manager. */
export class FileCertificate implements CertificateSource {
  readonly #options: FileCertificateOptions;
  #ca = "";
  #current: KeyPair | undefined;
  #next: KeyPair | undefined;

  constructor(options: FileCertificateOptions) {
    this.#options = options;
  }

  get current(): KeyPair | undefined {
    return this.#current;
  }

  get notAfter(): Date | undefined {
    return this.#current && new Date(new X509Certificate(this.#current.certificate).validToDate);
  }

  /** Reads the files: the kubelet swaps all of them at once, but not between two reads. @throws E_CERTIFICATE_FILES */
  async refresh(): Promise<void> {
    const { directory, log } = this.#options;
    try {
      const read = (name: string): Promise<string> => readFile(join(directory, name), "utf8");
      const [certificate, key, ca] = await Promise.all(["tls.crt", "tls.key", "ca.crt"].map(read));
      const pair = { certificate: certificate ?? "", key: key ?? "" };
      createSecureContext({ cert: pair.certificate, key: pair.key });
      this.#ca = ca ?? "";
      if ((this.#next ?? this.#current)?.certificate === pair.certificate) return;
      this.#next = pair;
      this.#current ??= pair;
      log.info({ directory }, "read a new serving certificate");
    } catch (error) {
      const message = `tls.crt, tls.key and ca.crt of ${directory} cannot be used: ${messageOf(error)}`;
      throw new SchedgateError("E_CERTIFICATE_FILES", message, { cause: error });
    }
  }

  /** The CA of the files, and those that were trusted before: another replica's files may be older, or newer. */
  bundleFor(live: string): string {
    return trustToo(live, this.#ca, this.#options.clock.now());
  }

  /** Where clients trust neither the one in use nor the new one, the new one is as good. */
  adopt(isTrusted: (leaf: string) => boolean): KeyPair | undefined {
    const [next, current] = [this.#next, this.#current];
    if (next === undefined) return undefined;
    if (!isTrusted(next.certificate) && current !== undefined && isTrusted(current.certificate))
      return undefined;
    this.#next = undefined;
    this.#current = next;
    return next;
  }
}
