/** Whether a value of unknown origin has a shape. Stops at the first element that has not: no work grows with faults. */
export type Guard = (value: unknown) => boolean;

export const isString: Guard = (value) => typeof value === "string";

/** A list whose elements all pass. */
export function isListOf(is: Guard): Guard {
  return (value) => Array.isArray(value) && value.every((each) => is(each));
}

/** An object (of JSON) whose values all pass. */
export function isMapOf(is: Guard): Guard {
  return (value) => isObject(value) && Object.values(value).every((each) => is(each));
}

/** An object (of JSON) whose named fields pass; it may have others. */
export function isShapeOf(fields: Readonly<Record<string, Guard>>): Guard {
  return (value) => isObject(value) && Object.entries(fields).every(([key, is]) => is(value[key]));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
