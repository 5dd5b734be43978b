import { createServer } from "node:net";
import { patiently } from "../patience.ts";

/** Whether a GET answers with 200; throws, saying why, when it does not. */
export async function isOk(url: string): Promise<boolean> {
  const answer = await fetch(url, { signal: AbortSignal.timeout(patiently(2_000)) });
  await answer.body?.cancel();
  if (!answer.ok) throw new Error(`${answer.status} ${answer.statusText}`);
  return true;
}

/** Every sidecar's readiness endpoint is on 127.0.0.1 and needs a port of its own there. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen({ host: "127.0.0.1", port: 0 }, () => {
      const address = server.address();
      server.close(() =>
        typeof address === "object" && address !== null
          ? resolve(address.port)
          : reject(new Error("no port")),
      );
    });
  });
}
