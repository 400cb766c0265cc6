import { appendFileSync, mkdirSync, renameSync, statSync } from "node:fs";

const LIMIT = 1 << 20;

/**
 * One JSON line into `<runDir>/companion.log`; beyond 1 MiB the file becomes `companion.log.1`. A log that cannot be
 * written (a full or read-only /run) decides nothing: the reason of a refusal goes to the runtime all the same.
 */
export function noteTo(runDir: string): (level: "info" | "error", msg: string) => void {
  const path = `${runDir}/companion.log`;
  return (level, msg) => {
    const line = `${JSON.stringify({ time: new Date().toISOString(), level, msg })}\n`;
    try {
      mkdirSync(runDir, { recursive: true });
      if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > LIMIT) renameSync(path, `${path}.1`);
      appendFileSync(path, line, { mode: 0o640 });
    } catch {
      return;
    }
  };
}
