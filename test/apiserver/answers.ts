// Loaded into a webhook's process before its program (`node --import`): each answer that it gives is held against the
// rules of the API server, and what is wrong with it goes into its log, where `stop` of webhook.ts looks.
import { subscribe } from "node:diagnostics_channel";
import type { IncomingMessage, ServerResponse } from "node:http";
import { complaints } from "../../webhook/admission/conformance.ts";
import { ANSWER_CHECKED } from "./answerlog.ts";

// https://nodejs.org/api/diagnostics_channel.html#http: told before the program sees the request.
subscribe("http.server.request.start", (message) => {
  const { request, response } = message as { request: IncomingMessage; response: ServerResponse };
  if (request.method !== "POST") return;
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  const end = response.end.bind(response);
  response.end = (...args: unknown[]) => {
    if (response.statusCode === 200) check(Buffer.concat(chunks), request.url, args[0]);
    return Reflect.apply(end, response, args) as ServerResponse;
  };
});

function check(body: Buffer, url: string | undefined, answer: unknown): void {
  const { request } = JSON.parse(body.toString("utf8")) as { request: { uid: string } };
  const text = Buffer.isBuffer(answer) ? answer.toString("utf8") : String(answer);
  const found = complaints(request.uid, url?.split("?")[0] === "/mutate", JSON.parse(text));
  process.stdout.write(`${JSON.stringify({ msg: ANSWER_CHECKED, complaints: found })}\n`);
}
