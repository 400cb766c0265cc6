// Loaded into a webhook's process before its program (`node --import`): each HTTP request that it sends goes into its log.
import { subscribe } from "node:diagnostics_channel";
import type { ClientRequest } from "node:http";
import { API_CALL } from "./apicalllog.ts";

// https://nodejs.org/api/diagnostics_channel.html: by node:http and node:https, and by fetch.
subscribe("http.client.request.start", (message) => {
  const { method, path } = (message as { request: ClientRequest }).request;
  note(method, path);
});
subscribe("undici:request:create", (message) => {
  const { method, path } = (message as { request: { method: string; path: string } }).request;
  note(method, path);
});

function note(method: string, path: string): void {
  process.stdout.write(`${JSON.stringify({ msg: API_CALL, call: `${method} ${path}` })}\n`);
}
