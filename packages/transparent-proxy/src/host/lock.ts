import { createServer, type Server } from "node:net";

/** Abstract, so it belongs to the network namespace, as the rules do, and is gone with the process that holds it. */
const NAME = "\0skein-transparent-proxy";

/**
 * Waits until no other run changes the rules of this network namespace.
 *
 * @throws Error when the other is not done within `waitMs`.
 */
export async function lockNamespace(waitMs: number): Promise<Disposable> {
  const deadline = performance.now() + waitMs;
  for (;;) {
    const server = await listen();
    if (server !== undefined) return { [Symbol.dispose]: () => server.close() };
    if (performance.now() >= deadline) {
      throw new Error(
        "another run is installing or uninstalling the transparent proxy here; try again when it is done (--wait says how long to wait for it)",
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function listen(): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", (error: NodeJS.ErrnoException) =>
      error.code === "EADDRINUSE" ? resolve(undefined) : reject(error),
    );
    server.listen(NAME, () => {
      server.unref();
      resolve(server);
    });
  });
}
