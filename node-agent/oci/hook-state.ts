import { readSync } from "node:fs";
import { SchedgateError, messageOf } from "../../common/errors.ts";

/** The container's state that a runtime writes to a hook's stdin (OCI runtime-spec, "State"). */
export interface HookState {
  id: string;
  /** 0 in poststop, where there is no process any more. */
  pid: number;
  bundle: string;
}

const LIMIT = 4 << 20;

/** Reads stdin to its end: a runtime may get EPIPE else. @throws E_HOOK beyond 4 MiB. */
export function readStdin(): string {
  const chunks: Buffer[] = [];
  const buffer = Buffer.alloc(65536);
  for (let total = 0; ;) {
    const length = readSync(0, buffer);
    if (length === 0) return Buffer.concat(chunks).toString("utf8");
    total += length;
    if (total > LIMIT) throw new SchedgateError("E_HOOK", "the state on stdin is larger than 4 MiB");
    chunks.push(Buffer.from(buffer.subarray(0, length)));
  }
}

/** Never look at `status`: runc and crun name the same moment differently. @throws E_HOOK */
export function parseHookState(text: string): HookState {
  let value: { id?: unknown; pid?: unknown; bundle?: unknown } | null;
  try {
    value = JSON.parse(text) as typeof value;
  } catch (cause) {
    throw new SchedgateError("E_HOOK", `the state on stdin is not JSON: ${messageOf(cause)}`, { cause });
  }
  const { id, pid, bundle } = value ?? {};
  if (typeof id !== "string" || typeof bundle !== "string")
    throw new SchedgateError("E_HOOK", "the state on stdin has no id and bundle");
  return { id, bundle, pid: typeof pid === "number" ? pid : 0 };
}
