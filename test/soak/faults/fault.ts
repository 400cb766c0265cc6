import type { World } from "../world.ts";

/** Something that goes wrong, or is changed, under load. */
export interface Fault {
  name: string;
  title: string;
  /** How often in a row, where it is something short; 1 when not said. */
  times?: number;
  /** Makes it happen once, and returns when everything is as before. May leave notes in the phase. */
  run(world: World): Promise<void>;
  /** Why the webhook cannot let every granted pod through meanwhile; absent where it must. */
  excused?: string;
}
