// The least that a webhook in Node can be: express over TLS, every review read, every answer "allowed". At /patch it also
// adds an annotation, as schedgate does to each pod that a grant covers.
import { readFileSync } from "node:fs";
import { createServer as createCounter } from "node:http";
import { createServer } from "node:https";
import express from "express";
import type { Request, Response } from "express";

const [port, counter, certificate, key] = process.argv.slice(2);
let calls = 0;
const app = express();
app.disable("x-powered-by");
app.disable("etag");
const annotations = { "schedgate.dev/grant": "trading" };
const added = JSON.stringify([{ op: "add", path: "/metadata/annotations", value: annotations }]);
const patch = { patchType: "JSONPatch", patch: Buffer.from(added).toString("base64") };
app.post(
  ["/", "/patch"],
  express.raw({ type: "application/json", limit: "7mb" }),
  (request: Request, response: Response) => {
    calls += 1;
    const review = JSON.parse((request.body as Buffer).toString("utf8")) as { request: { uid: string } };
    response.json({
      apiVersion: "admission.k8s.io/v1",
      kind: "AdmissionReview",
      response: { uid: review.request.uid, allowed: true, ...(request.path === "/patch" && patch) },
    });
  },
);
const server = createServer({ cert: readFileSync(certificate ?? ""), key: readFileSync(key ?? "") }, app);
server.keepAliveTimeout = 95_000;
server.listen(Number(port), "127.0.0.1");
// How often it was called so far: by this the bench sees that the API server knows its configuration.
createCounter((_, response) => {
  response.end(String(calls));
}).listen(Number(counter), "127.0.0.1");
