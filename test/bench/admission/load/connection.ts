import { once } from "node:events";
import { connect } from "node:tls";
import type { ConnectionOptions, TLSSocket } from "node:tls";

const HEAD_END = Buffer.from("\r\n\r\n");

/** The last chunk of an answer in chunks. JSON of the API server has no line end followed by this. */
const LAST_CHUNK = "\r\n0\r\n\r\n";

/** One keep-alive connection of HTTP/1.1 that sends ready-made requests: no more work a request than it must be. */
export class Connection {
  readonly #socket: TLSSocket;
  #received: Buffer[] = [];
  #answered: ((status: number) => void) | undefined;
  #failed: ((error: Error) => void) | undefined;
  #length = 0;
  /** Length of the answer that is under way, with its head; Infinity: it comes in chunks; 0: its head is not whole yet. */
  #wanted = 0;
  #status = 0;
  /** The body of the last answer, for a person. */
  lastBody = "";

  private constructor(socket: TLSSocket) {
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.#take(chunk);
    });
    socket.on("error", (error: Error) => this.#failed?.(error));
    socket.on("close", () => this.#failed?.(new Error("the API server closed a connection")));
  }

  static async open(options: ConnectionOptions): Promise<Connection> {
    const socket = connect({ ...options, ALPNProtocols: ["http/1.1"] });
    await once(socket, "secureConnect");
    socket.setNoDelay(true);
    return new Connection(socket);
  }

  /** Sends a whole request, head and body, and resolves with the status once the answer is whole. */
  send(request: Buffer): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#answered = resolve;
      this.#failed = reject;
      this.#socket.write(request);
    });
  }

  close(): void {
    this.#failed = undefined;
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    this.#received.push(chunk);
    this.#length += chunk.length;
    if (this.#wanted === 0) this.#readHead();
    if (this.#wanted === 0 || !this.#isWhole()) return;
    if (this.#status >= 400) this.lastBody = Buffer.concat(this.#received).toString("utf8");
    [this.#received, this.#length, this.#wanted] = [[], 0, 0];
    this.#answered?.(this.#status);
  }

  #readHead(): void {
    const all = Buffer.concat(this.#received);
    this.#received = [all];
    const end = all.indexOf(HEAD_END);
    if (end < 0) return;
    const head = all.toString("latin1", 0, end);
    const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
    this.#status = Number(head.slice(9, 12));
    this.#wanted = length === undefined ? Infinity : end + HEAD_END.length + Number(length);
  }

  #isWhole(): boolean {
    if (this.#wanted !== Infinity) return this.#length >= this.#wanted;
    const last = this.#received.at(-1);
    if (last === undefined || last.length < LAST_CHUNK.length)
      this.#received = [Buffer.concat(this.#received)];
    return this.#received.at(-1)?.subarray(-LAST_CHUNK.length).toString("latin1") === LAST_CHUNK;
  }
}
