import { clip } from "../../common/errors.ts";
import { isContainerId } from "../isolation/owner.ts";
import type { OnFailure } from "./isolate.ts";

/** What a launcher asks of the daemon: one line, `start ID TOKEN deny`. */
export interface Request {
  command: "start" | "update" | "delete";
  id: string;
  /** Tells apart the launchers that ask about one container. */
  token: string;
  onFailure: OnFailure;
}

const LINE = /^(start|update|delete) (\S+) (\d{1,10}) (deny|allow)$/;

/** Reads a line; undefined where it is none, such as the end of one whose beginning was lost. */
export function parseRequest(line: string): Request | undefined {
  const [, command, id = "", token = "", onFailure] = LINE.exec(line) ?? [];
  if (!isContainerId(id)) return undefined;
  return { command, id, token, onFailure } as Request;
}

/** The FIFO in which the launcher waits. */
export function replyPath(runDir: string, { id, token }: Request): string {
  return `${runDir}/asks/${id}/reply-${token}`;
}

/** The one line of the answer, shorter than what a FIFO takes at once (PIPE_BUF, 4096 bytes). */
export function answerTo(refusal: string | undefined): string {
  return refusal === undefined ? "ok\n" : `refused schedgate: ${clip(refusal.replaceAll(/\s+/g, " "))}\n`;
}
