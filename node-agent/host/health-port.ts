import { SchedgateError } from "../../common/errors.ts";

/** A port as SCHEDGATE_HEALTH_PORT gives it. @throws SchedgateError E_CONFIG */
export function healthPort(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0 && value <= 65535) return value;
  throw new SchedgateError("E_CONFIG", `SCHEDGATE_HEALTH_PORT is no port: "${text}"`);
}
