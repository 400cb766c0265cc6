import type { KubeApi } from "../../common/kube/port.ts";
import { must, startCluster } from "../apiserver/cluster.ts";
import type { Cluster } from "../apiserver/cluster.ts";
import { startStallingProxy } from "../apiserver/stallingproxy.ts";
import type { StallingProxy } from "../apiserver/stallingproxy.ts";
import { entitle } from "./kinds.ts";
import { startLoad } from "./load.ts";
import { Replicas } from "./replicas.ts";
import { startService } from "./service.ts";
import { Tally } from "./tally.ts";
import type { Phase } from "./tally.ts";

/** A control plane, two replicas behind one address, and the load on them. */
export interface World {
  cluster: Cluster;
  api: KubeApi;
  replicas: Replicas;
  /** The replicas' way to the API server. */
  relay: StallingProxy;
  tally: Tally;
  /** Ends everything. The counts; @throws what broke the load. */
  stop(): Promise<Phase[]>;
}

export interface WorldOptions {
  name: string;
  /** So long a replica serves on after SIGTERM. */
  drainSeconds: number;
}

/** Brings everything up, the load last. */
export async function openWorld({ name, drainSeconds }: WorldOptions): Promise<World> {
  const cluster = await startCluster(name);
  const { api, lab } = cluster;
  const stops: (() => unknown)[] = [() => cluster.stop()];
  const stopAll = async (): Promise<void> => {
    for (const each of stops.splice(0).reverse()) await each();
  };
  try {
    await entitle(api);
    const relay = await startStallingProxy((await must(lab, ["config", "view", "-o", SERVER])).trim());
    stops.push(relay.close);
    const service = await startService();
    stops.push(service.stop);
    const replicas = new Replicas({ cluster, service, server: relay.url, drainSeconds });
    stops.push(() => replicas.stop());
    await replicas.start();
    const tally = new Tally();
    const load = startLoad(lab.kubeconfig, tally);
    stops.push(load.stop);
    const stop = async (): Promise<Phase[]> => {
      await load.stop().finally(stopAll);
      return tally.end();
    };
    return { cluster, api, replicas, relay, tally, stop };
  } catch (error) {
    await stopAll();
    throw error;
  }
}

const SERVER = "jsonpath={.clusters[0].cluster.server}";
