import type { Defence } from "./defence.ts";

/** What keeps the room of grants: that their limits hold, whatever pods become. */
export const roomDefences: readonly Defence[] = [
  {
    what: "CPUs that a node goes on holding of a container that is to have a fraction",
    file: "webhook/policy/isolatedcpus.ts",
    text: "isFixed ? wholeCpus(each.allocatedCpu) : 0",
    without: "cpusOf(each) > 0 && isFixed ? wholeCpus(each.allocatedCpu) : 0",
    test: { file: "webhook/policy/isolatedcpus.test.ts", name: "counted are" },
  },
  {
    what: "what a pod takes, after a late view made it less",
    file: "webhook/limits/settle.ts",
    text: "return asks ? cpus : ",
    without: "return asks && cpus < holder.isolatedCPUs ? cpus : ",
    test: { file: "webhook/limits/settle.test.ts", name: "whose pod takes more holds that" },
  },
  {
    what: "room that is taken again, against a look from before",
    file: "webhook/limits/batch.ts",
    text: "{ ...step.holder, isolatedCPUs }",
    without: "{ ...step.holder, ...own, isolatedCPUs }",
    test: { file: "webhook/limits/reservations.test.ts", name: "writes that a pod took room anew" },
  },
  {
    what: "room of a grant that a pod names without need",
    file: "webhook/policy/claims.ts",
    text: " || !before.includes(grant)",
    without: "",
    test: { file: "webhook/admission/room.test.ts", name: "takes room of each grant that it names" },
  },
  {
    what: "CPUs of a grant that does not count the pod",
    file: "webhook/policy/resize.ts",
    text: "if (coverage?.covered !== true || ",
    without: "if (coverage?.covered !== undefined || ",
    test: { file: "webhook/admission/paths.test.ts", name: "takes no more CPUs of a grant with limits" },
  },
  {
    what: "room of one grant, where nobody knows whether a second has any",
    file: "webhook/admission/room.ts",
    text: "        giveBack();\n        throw error;",
    without: "        throw error;",
    test: { file: "webhook/admission/room.test.ts", name: "gives the first back also where it is not known" },
  },
];
