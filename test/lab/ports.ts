import { createServer } from "node:net";
import { SchedgateError } from "../../common/errors.ts";

/** `count` different TCP ports of an address that nothing listens on now. */
export async function freePorts(count: number, address = "127.0.0.1"): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  try {
    return await Promise.all(
      servers.map(
        (server) =>
          new Promise<number>((resolve, reject) => {
            server.once("error", reject);
            server.listen(0, address, () => {
              const bound = server.address();
              if (bound === null || typeof bound === "string")
                reject(new SchedgateError("E_PORT", "no TCP port"));
              else resolve(bound.port);
            });
          }),
      ),
    );
  } finally {
    for (const server of servers) server.close();
  }
}
