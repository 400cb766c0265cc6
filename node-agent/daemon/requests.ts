import type { Clock } from "../../common/clock.ts";
import { messageOf } from "../../common/errors.ts";
import type { Logger } from "../../common/log.ts";
import { type HostFs, readIfThere } from "../host/host-fs.ts";
import { statOf } from "../isolation/liveness.ts";
import { type Companion, remove, start, update } from "../oci/companion.ts";
import { companionConfig } from "../oci/config.ts";
import { type Request, answerTo, parseRequest, replyPath } from "../oci/request.ts";
import { openReply, readLines } from "./fifo.ts";

/** What serving the launchers stands on. */
export interface RequestOptions {
  hostFs: HostFs;
  clock: Clock;
  log: Logger;
  runDir: string;
  cgroupRoot: string;
  note: Companion["note"];
}

/**
 * Does for the launchers what the companion does, by the same code, until the signal aborts. What came before is
 * answered first. `<runDir>/daemon` (pid and start time) says that it serves; a launcher finds out by itself that it
 * does not, so an error here costs milliseconds at each start and nothing else.
 */
export async function serveRequests(options: RequestOptions, signal: AbortSignal): Promise<void> {
  const { hostFs, clock, log, runDir } = options;
  const running = new Set<Promise<void>>();
  try {
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
    const failed = (error: Error): void => {
      log.error({ error: messageOf(error) }, "reading requests failed");
      hostFs.remove(`${runDir}/daemon`);
    };
    const close = readLines(`${runDir}/requests`, take, failed);
    const me = `${process.pid} ${statOf(hostFs, process.pid)?.startTime ?? ""}\n`;
    hostFs.replace(`${runDir}/daemon`, me, 0o600);
    await clock.sleep(2 ** 31 - 1, signal);
    // Another daemon may serve by now.
    if (readIfThere(hostFs, `${runDir}/daemon`) === me) hostFs.remove(`${runDir}/daemon`);
    await Promise.all(running);
    close();
  } catch (error) {
    log.error(
      { error: messageOf(error) },
      "launchers are not served: each start and stop runs the companion",
    );
  }
}

async function answer(options: RequestOptions, request: Request): Promise<void> {
  const { hostFs, clock, log, runDir, cgroupRoot, note } = options;
  const config = { ...companionConfig({}), runDir, cgroupRoot, onFailure: request.onFailure };
  const reply = openReply(replyPath(runDir, request), clock);
  let text = "";
  try {
    text = answerTo(await act({ hostFs, config, note }, request));
  } catch (error) {
    // Without an answer the launcher turns to the companion, and tells what that says.
    log.error({ ...request, error: messageOf(error) }, "a launcher's request failed");
  }
  (await reply)?.end(text);
}

async function act(companion: Companion, { command, id }: Request): Promise<string | undefined> {
  switch (command) {
    case "start":
      return start(companion, id);
    case "update":
      await update(companion, id);
      return undefined;
    case "delete":
      await remove(companion, id);
      return undefined;
  }
}
