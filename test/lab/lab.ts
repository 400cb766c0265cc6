export type { Output } from "./exec.ts";
export type { Lab, LabOptions, NodeKind, Runtime } from "./types.ts";
