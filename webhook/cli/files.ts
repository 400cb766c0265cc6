import { createReadStream } from "node:fs";
import { messageOf, SchedgateError } from "../../common/errors.ts";

/** More than any cluster's pods in one file take; what comes from a pipe has no other end. */
const MAX_BYTES = 64 * 1024 * 1024;

/** A file's text, or with `-` that of stdin. @throws SchedgateError E_FILE that names the file. */
export async function readText(file: string, stdin: NodeJS.ReadableStream): Promise<string> {
  const name = file === "-" ? "stdin" : file;
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    const input = file === "-" ? stdin : createReadStream(file);
    for await (const chunk of input as AsyncIterable<Uint8Array>) {
      const bytes = Buffer.from(chunk);
      size += bytes.length;
      if (size > MAX_BYTES) throw new Error(`longer than ${MAX_BYTES} bytes`);
      chunks.push(bytes);
    }
  } catch (error) {
    throw new SchedgateError("E_FILE", `cannot read ${name}: ${messageOf(error)}`, { cause: error });
  }
  return Buffer.concat(chunks).toString("utf8");
}
