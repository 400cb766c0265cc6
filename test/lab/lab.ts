// What tests and the demo use of the lab.
export { down } from "./down.ts";
export { abortable, type Output } from "./exec.ts";
export type { Lab, LabOptions } from "./types.ts";
export { ensureLab, IMAGE_PROGRAMS } from "./needs.ts";
export { up } from "./up.ts";
