import { once } from "node:events";
import type { Http2SecureServer } from "node:http2";
import type { FastifyInstance } from "fastify";
import { StartError } from "./start-error.ts";

/** Something that serves until it is stopped. */
export interface Stoppable {
  stop(): Promise<void>;
}

function explain(error: unknown, address: string, setting: string): unknown {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "EADDRINUSE") {
    return new StartError(
      `${address} is in use: another control plane may be running; stop it or set ${setting} to another port`,
      error,
    );
  }
  if (code === "EACCES")
    return new StartError(`${address} may not be used without more rights; set ${setting}`, error);
  if (code === "EADDRNOTAVAIL") {
    return new StartError(
      `${address} is not an address of this machine; check the interface beside ${setting}`,
      error,
    );
  }
  return error;
}

/**
 * Connections that wait to be accepted. Node's own 511 overflow when a fleet of 2,000 comes back at once, and the kernel resets
 * those that it let in by SYN cookie; the kernel caps it at `net.core.somaxconn`.
 */
const BACKLOG = 4_096;

/** Starts servers, with an error that names the setting when a port cannot be had. */
export const listen = {
  async fastify(app: FastifyInstance, host: string, port: number, setting: string): Promise<Stoppable> {
    try {
      await app.listen({ host, port });
    } catch (error) {
      throw explain(error, `${host}:${port}`, setting);
    }
    return { stop: () => app.close() };
  },

  async http2(
    server: Http2SecureServer,
    port: number,
    setting: string,
    close: () => Promise<void>,
  ): Promise<Stoppable> {
    server.listen({ port, backlog: BACKLOG });
    try {
      await once(server, "listening");
    } catch (error) {
      throw explain(error, `port ${port}`, setting);
    }
    return {
      async stop() {
        const closed = new Promise<void>((resolve) => server.close(() => resolve()));
        await close();
        await closed;
      },
    };
  },
};
