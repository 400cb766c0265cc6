// Loaded into a webhook's process before its program (`node --import`): each answer that it gives is held against the
// rules of the API server, and what is wrong with it goes into its log, where `stop` of webhook.ts looks.
import { ServerResponse } from "node:http";
import { complaints } from "../../webhook/admission/conformance.ts";
import { ANSWER_CHECKED } from "./answerlog.ts";

// eslint-disable-next-line @typescript-eslint/unbound-method -- called with its own `this` below
const { end } = ServerResponse.prototype;
ServerResponse.prototype.end = function (this: ServerResponse, ...args: unknown[]) {
  // What express leaves on a request.
  const { body, path } = this.req as { body?: unknown; path?: string };
  if (this.statusCode === 200 && Buffer.isBuffer(body)) check(body, path, args[0]);
  return Reflect.apply(end, this, args) as ServerResponse;
};

function check(body: Buffer, path: string | undefined, answer: unknown): void {
  const { request } = JSON.parse(body.toString("utf8")) as { request: { uid: string } };
  const text = Buffer.isBuffer(answer) ? answer.toString("utf8") : String(answer);
  const found = complaints(request.uid, path === "/mutate", JSON.parse(text));
  process.stdout.write(`${JSON.stringify({ msg: ANSWER_CHECKED, complaints: found })}\n`);
}
