import type { Clock } from "../../common/clock.ts";
import { messageOf } from "../../common/errors.ts";
import type { Logger } from "../../common/log.ts";
import { waker } from "../../common/waker.ts";
import { type HostFs, readIfThere } from "../host/host-fs.ts";
import { statOf } from "../isolation/liveness.ts";
import { type Companion, remove, start, update } from "../oci/companion.ts";
import type { CompanionConfig } from "../oci/config.ts";
import { DONE, type Request, parseRequest, replyPath } from "../oci/request.ts";
import { openReply, readLines } from "./fifo.ts";

/** Does for the launchers what the companion does, by the same code. */
export interface RequestServer {
  /** Until the signal aborts; what came before is answered first. Never throws. */
  run(signal: AbortSignal): Promise<void>;
}

/** What serving the launchers stands on. */
export interface RequestOptions {
  hostFs: HostFs;
  clock: Clock;
  log: Logger;
  /** Of a companion that goes by the launchers' notes. */
  config: CompanionConfig;
  open: Companion["open"];
  note: Companion["note"];
  /** A request was done, or is left to the companion. */
  count: (command: Request["command"], isDone: boolean) => void;
}

/**
 * `<runDir>/daemon` (pid and start time) says that it serves. A launcher finds out by itself that it does not, so an
 * error here costs milliseconds at each start and nothing else.
 */
export function requestServer(options: RequestOptions): RequestServer {
  const { hostFs, clock, log, config } = options;
  const { runDir } = config;
  const mark = `${runDir}/daemon`;
  const running = new Set<Promise<void>>();
  const take = (line: string): void => {
    const request = parseRequest(line);
    if (request === undefined) {
      log.warn({ line: line.slice(0, 200) }, "a request that is none");
      return;
    }
    const work = answer(options, request);
    running.add(work);
    void work.finally(() => running.delete(work));
  };
  const failed = (error: unknown): void => {
    log.error(
      { error: messageOf(error) },
      "launchers are not served: each start and stop runs the companion",
    );
    hostFs.remove(mark);
  };
  return {
    run: async (signal) => {
      const me = `${process.pid} ${statOf(hostFs, process.pid)?.startTime ?? ""}\n`;
      try {
        readLines(`${runDir}/requests`, take, failed);
        hostFs.replace(mark, me, 0o600);
      } catch (error) {
        failed(error);
        return;
      }
      await waker(clock).rest(signal);
      // Another daemon may serve by now.
      if (readIfThere(hostFs, mark) === me) hostFs.remove(mark);
      // A launcher that looked before that may write yet: it is read until this process ends.
      while (running.size > 0) await Promise.all(running);
    },
  };
}

async function answer(options: RequestOptions, request: Request): Promise<void> {
  const { hostFs, clock, log, config, open, note, count } = options;
  // The launcher makes its FIFO while this works.
  const reply = openReply(replyPath(config.runDir, request), clock);
  let isDone = false;
  try {
    isDone = await act({ hostFs, config, open, note }, request);
  } catch (error) {
    log.error({ ...request, error: messageOf(error) }, "a launcher's request failed");
  }
  count(request.command, isDone);
  (await reply)?.end(isDone ? DONE : "");
}

// What fails here may be right on the host, where the companion sees and may do everything; it also knows what a failure
// means there.
async function act(companion: Companion, { command, id }: Request): Promise<boolean> {
  switch (command) {
    case "start":
      return (await start(companion, id)) === undefined;
    case "update":
      await update(companion, id);
      return true;
    case "delete":
      await remove(companion, id);
      return true;
  }
}
