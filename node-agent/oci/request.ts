import { isContainerId } from "../isolation/owner.ts";

/** What a launcher asks of the daemon: one line, `start ID TOKEN`. */
export interface Request {
  command: "start" | "update" | "delete";
  id: string;
  /** Tells apart the launchers that ask about one container. */
  token: string;
}

/** The one answer there is: it is done. Without it the launcher turns to the companion, which has the last word. */
export const DONE = "ok\n";

const LINE = /^(start|update|delete) (\S+) (\d{1,10})$/;

/** Reads a line; undefined where it is none, such as the end of one whose beginning was lost. */
export function parseRequest(line: string): Request | undefined {
  const [, command, id = "", token = ""] = LINE.exec(line) ?? [];
  if (!isContainerId(id)) return undefined;
  return { command, id, token } as Request;
}

/** The FIFO in which the launcher waits. */
export function replyPath(runDir: string, { id, token }: Request): string {
  return `${runDir}/asks/${id}/reply-${token}`;
}
