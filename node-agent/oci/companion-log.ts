import { appendFileSync, mkdirSync, renameSync, statSync } from "node:fs";

const LIMIT = 1 << 20;

/** One JSON line into `<runDir>/companion.log`; beyond 1 MiB the file becomes `companion.log.1`. */
export function noteTo(runDir: string): (level: "info" | "error", msg: string) => void {
  const path = `${runDir}/companion.log`;
  return (level, msg) => {
    mkdirSync(runDir, { recursive: true });
    if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > LIMIT) renameSync(path, `${path}.1`);
    appendFileSync(path, `${JSON.stringify({ time: new Date().toISOString(), level, msg })}\n`, {
      mode: 0o640,
    });
  };
}
