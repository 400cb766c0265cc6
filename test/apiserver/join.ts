import type { Socket } from "node:net";

/** Joins both ends of a connection: what one side does, also breaking off, the other one sees. */
export function join(client: Socket, upstream: Socket, open: Set<Socket>): void {
  for (const [from, to] of [
    [client, upstream],
    [upstream, client],
  ] as const) {
    open.add(from);
    from.unref(); // what its ends left of it keeps no test from ending
    from.pipe(to);
    from.on("error", () => to.resetAndDestroy());
    from.once("close", () => {
      open.delete(from);
      to.destroySoon();
    });
  }
}
