import type { HookProfile } from "../../common/api/hookprofile.ts";

/** The profile and class that every installation brings (manifests/base): what is judged by where no cluster says otherwise. */
export const BUILT_IN = {
  profile: {
    metadata: { name: "cpu-isolation" },
    spec: {
      protects: {
        runtimeHandlers: ["wrapper"],
        annotations: [
          "schedgate.dev/cpu-isolation",
          "cpu-isolation.schedgate.dev/*",
          "cpu-load-balancing.crio.io",
          "cpu-load-balancing.crio.io/*",
        ],
      },
      request: { annotation: "schedgate.dev/cpu-isolation", runtimeClassName: "wrapper" },
      requires: { qosClass: "Guaranteed", exclusiveCPUs: true },
      enforcement: "Enforce",
    },
  },
  runtimeClass: { metadata: { name: "wrapper" }, handler: "wrapper" },
} satisfies { profile: HookProfile; runtimeClass: object };
