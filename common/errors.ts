/** An error that a person can act on: `code` is stable, the message says what was wrong, where, and what to do. */
export class SchedgateError extends Error {
  override readonly name = "SchedgateError";
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** The message of anything thrown, for a log line or a status condition. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The `code` of a Node or schedgate error (`ENOENT`, `E_CPUSET`), or undefined. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

/** At most 2000 characters of a message that may hold what a caller sent. */
export function clip(message: string): string {
  return message.length <= 2000 ? message : `${message.slice(0, 1997)}...`;
}
