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
  const list = Object.entries(fields);
  return (value) => isObject(value) && list.every(([key, is]) => is(value[key]));
}

/** Passes also what is not there. */
export function isOptional(is: Guard): Guard {
  return (value) => value === undefined || value === null || is(value);
}

/** What is wrong with a value of unknown origin, undefined where nothing is. For what each request is read by: no issues, no copies. */
export type Check = (value: unknown) => string | undefined;

/** A check that says `what` where the guard does not pass. */
export function check(is: Guard, what: string): Check {
  return (value) => (is(value) ? undefined : what);
}

/** An object (of JSON) whose named fields pass; the first that does not is named: `spec: containers: not a list`. */
export function checkFields(fields: Readonly<Record<string, Check>>): Check {
  const list = Object.entries(fields);
  return (value) => {
    if (!isObject(value)) return "not an object";
    for (const [key, of] of list) {
      const fault = of(value[key]);
      if (fault !== undefined) return `${key}: ${fault}`;
    }
    return undefined;
  };
}

/** Passes also what is not there. */
export function checkOptional(of: Check): Check {
  return (value) => (value === undefined || value === null ? undefined : of(value));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
