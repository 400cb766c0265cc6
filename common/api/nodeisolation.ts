import * as z from "zod";
import { conditions, observedGeneration } from "./meta.ts";
import { atomicListOf, dnsLabel, dnsSubdomain, instant, listMapOf, text } from "./scheme.ts";

/** A CPU list in the kernel's format, `2-3,6`; empty for none. */
function cpuList(description: string): z.ZodString {
  return z
    .string()
    .max(4096)
    .regex(/^([0-9]{1,4}(-[0-9]{1,4})?(,[0-9]{1,4}(-[0-9]{1,4})?)*)?$/)
    .meta({ description });
}

const owner = z
  .object({
    cpus: cpuList("The CPUs this container holds."),
    containerID: z.string().min(1).max(128).meta({ description: "The runtime's id of the container." }),
    namespace: dnsLabel("The pod's namespace.").optional(),
    pod: dnsSubdomain("The pod's name.").optional(),
    container: dnsLabel("The container's name in the pod.").optional(),
    since: instant("Since when it holds them.").optional(),
  })
  .meta({ description: "A container whose CPUs are out of the kernel's load balancing." });

const status = z
  .object({
    observedGeneration: observedGeneration.optional(),
    backend: z
      .enum(["CgroupV2", "CgroupV1", "SchedDomainFlags", "None"])
      .optional()
      .meta({ description: "The kernel interface by which CPUs are isolated here; None: this node cannot." }),
    kernelVersion: text(128, "The kernel's release.").optional(),
    runtime: text(128, "The container runtime and its version.").optional(),
    onlineCPUs: cpuList("CPUs that are online.").optional(),
    isolatedCPUs: cpuList("CPUs that the kernel does not balance now.").optional(),
    owners: listMapOf(owner, ["containerID"], 1024, "Who holds the isolated CPUs.").optional(),
    proof: z
      .object({
        source: text(256, "Where the kernel's state was read."),
        verifiedAt: instant("When."),
      })
      .optional()
      .meta({ description: "By what the isolated CPUs are known to be isolated." }),
    observedHooks: atomicListOf(
      z.object({
        file: text(4096, "The file in hooks.d."),
        reason: text(1024, "Why no HookProfile protects it."),
      }),
      64,
      "Hook files of this node that no HookProfile protects.",
    ).optional(),
    conditions: conditions.optional(),
  })
  .meta({ description: "What the node does now, written by its agent." });

/** NodeIsolation's status: the source of its TypeScript type and its CRD. */
export type NodeIsolationStatus = z.infer<typeof status>;

/** The parts that make the CRD: there is nothing to wish for, so no spec. */
export const nodeIsolationParts = { status };
