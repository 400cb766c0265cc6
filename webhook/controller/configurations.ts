import { isDeepStrictEqual } from "node:util";
import * as z from "zod";
import type { Clock } from "../../common/clock.ts";
import { messageOf } from "../../common/errors.ts";
import { pathOf, resources } from "../../common/kube/paths.ts";
import { hasStatus } from "../../common/kube/port.ts";
import type { KubeApi } from "../../common/kube/port.ts";
import { reflector } from "../../common/kube/reflector.ts";
import type { Reflector } from "../../common/kube/reflector.ts";
import type { Logger } from "../../common/log.ts";
import { isTrusted } from "../../certs/verify.ts";
import type { Webhook } from "../admission/admit.ts";
import { differences } from "./drift.ts";

const webhookSchema = z.looseObject({ clientConfig: z.looseObject({ caBundle: z.string().optional() }) });
const configurationSchema = z.looseObject({
  metadata: z.looseObject({ name: z.string(), resourceVersion: z.string() }),
  webhooks: z.array(webhookSchema).nullish(),
});
type Configuration = z.infer<typeof configurationSchema>;

export interface ConfigurationsOptions {
  api: KubeApi;
  clock: Clock;
  log: Logger;
  /** See `ReflectorOptions`: a cache is in step for twice as long. */
  idleMs?: number;
  /** The name of both configurations. */
  name: string;
  onChange: () => void;
}

const KINDS = { mutate: resources.mutatingWebhooks, validate: resources.validatingWebhooks };
const WEBHOOKS: Webhook[] = ["mutate", "validate"];

/** Both live webhook configurations: watched, compared with what they should be, and put right. */
export class Configurations {
  readonly #options: ConfigurationsOptions;
  readonly #live: Record<Webhook, Reflector<Configuration>>;

  constructor(options: ConfigurationsOptions) {
    this.#options = options;
    // The rights are for this one name, and a list by it is all that they allow.
    const query = { fieldSelector: `metadata.name=${options.name}` };
    const of = (webhook: Webhook): Reflector<Configuration> =>
      reflector({
        ...options,
        path: pathOf(KINDS[webhook]),
        query,
        parse: (object) => configurationSchema.parse(object),
      });
    this.#live = { mutate: of("mutate"), validate: of("validate") };
  }

  /** Until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all(WEBHOOKS.map((each) => this.#live[each].run(signal)));
  }

  /** The caches, for their age. */
  get caches(): Record<string, Pick<Reflector<unknown>, "heardAt">> {
    return {
      mutatingwebhookconfigurations: this.#live.mutate,
      validatingwebhookconfigurations: this.#live.validate,
    };
  }

  /** Whether both are known. */
  get synced(): boolean {
    return WEBHOOKS.every((each) => this.#live[each].synced);
  }

  /** Whether the API server would trust this certificate, by what both live configurations hold. */
  trusts(leaf: string, now: Date): boolean {
    return WEBHOOKS.every((each) => {
      const hooks = this.#current(each)?.webhooks ?? [];
      const trusted = hooks.every(({ clientConfig }) => isTrusted(leaf, textOf(clientConfig.caBundle), now));
      return hooks.length > 0 && trusted;
    });
  }

  /** Whether both send what they send to where they should, see `callAsWanted`. */
  callHere(wanted: Record<Webhook, Calls>): boolean {
    return WEBHOOKS.every((each) => callAsWanted(this.#current(each)?.webhooks ?? [], wanted[each]));
  }

  /** The CA bundle that each holds now, PEM; "" where it has none. */
  bundles(): Record<Webhook, string> {
    return { mutate: bundleOf(this.#current("mutate")), validate: bundleOf(this.#current("validate")) };
  }

  /** Whether both are as they should be. */
  areRight(wanted: Record<Webhook, unknown[]>): boolean {
    return WEBHOOKS.every((each) => isDeepStrictEqual(this.#current(each)?.webhooks ?? [], wanted[each]));
  }

  /**
   * Writes what is not as it should be. `want` is asked after the versions were read on which is written: so what it
   * learns is never older than what it replaces, and of two writers one starts over: that one has "raced". Read right
   * or "wrote" is all that can be known: somebody may change every write at once. @throws KubeApiError, also where the
   * configuration does not exist: the manifests make it.
   */
  async putRight(
    want: (bundles: Record<Webhook, string>) => Promise<Record<Webhook, unknown[]>>,
  ): Promise<"right" | "wrote" | "raced"> {
    const [mutate, validate] = await Promise.all([this.#read("mutate"), this.#read("validate")]);
    const read = { mutate, validate };
    const wanted = await want({ mutate: bundleOf(mutate), validate: bundleOf(validate) });
    const written: boolean[] = [];
    for (const webhook of WEBHOOKS) {
      const live = read[webhook];
      const differs = differences({ webhooks: live.webhooks ?? [] }, { webhooks: wanted[webhook] });
      if (differs.length > 0)
        written.push(
          await this.#write(pathTo(webhook, this.#options), { ...live, webhooks: wanted[webhook] }, differs),
        );
    }
    if (written.length === 0) return "right";
    return written.includes(false) ? "raced" : "wrote";
  }

  async #read(webhook: Webhook): Promise<Configuration> {
    const path = pathTo(webhook, this.#options);
    return configurationSchema.parse(await this.#options.api.request({ method: "GET", path }));
  }

  async #write(path: string, body: object, differs: readonly string[]): Promise<boolean> {
    const { api, log } = this.#options;
    try {
      await api.request({ method: "PUT", path, body });
      log.info({ path, differs }, "wrote the webhook configuration");
      return true;
    } catch (error) {
      // Another replica wrote first: its change comes by the watch, and is compared again.
      if (!hasStatus(error, 409)) throw error;
      log.info({ path, error: messageOf(error) }, "another replica wrote the webhook configuration");
      return false;
    }
  }

  #current(webhook: Webhook): Configuration | undefined {
    return this.#live[webhook].items().get(this.#options.name);
  }
}

type Calls = readonly { clientConfig: unknown }[];

/**
 * Whether all that is sent is sent to one place, the wanted one, with the CA that it should trust. What is sent may be another
 * leader's choice: one of another version, while the Deployment is rolled.
 */
export function callAsWanted(live: Calls, [wanted]: Calls): boolean {
  const right = live.every(({ clientConfig }) => isDeepStrictEqual(clientConfig, wanted?.clientConfig));
  return live.length > 0 && right;
}

function pathTo(webhook: Webhook, { name }: ConfigurationsOptions): string {
  return pathOf(KINDS[webhook], { name });
}

function bundleOf(configuration: Configuration | undefined): string {
  return textOf(configuration?.webhooks?.[0]?.clientConfig.caBundle);
}

function textOf(caBundle: string | undefined): string {
  return Buffer.from(caBundle ?? "", "base64").toString("utf8");
}
