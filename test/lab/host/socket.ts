import { createConnection } from "node:net";

/** Whether a process accepts connections on a unix socket now. */
export function acceptsConnections(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = createConnection(path);
    connection.once("connect", () => {
      connection.destroy();
      resolve(true);
    });
    connection.once("error", () => {
      resolve(false);
    });
  });
}
