/** `msg` of the log line of each answer that answers.ts looked at. */
export const ANSWER_CHECKED = "answer checked";

/** How many answers of a webhook were looked at, and what was wrong with them. */
export function checkedAnswers(log: readonly Record<string, unknown>[]): { count: number; wrong: unknown[] } {
  const lines = log.filter((line) => line["msg"] === ANSWER_CHECKED);
  return { count: lines.length, wrong: lines.flatMap((line) => line["complaints"] as unknown[]) };
}
