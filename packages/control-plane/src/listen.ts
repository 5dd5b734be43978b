import { once } from "node:events";
import type { Http2SecureServer } from "node:http2";
import type { Socket } from "node:net";
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
 * Connections that may wait to be accepted; the kernel caps it (`net.core.somaxconn`). With Node's 511 a fleet that
 * reconnects at once overflows the queue: its packets are dropped, and some connections reset.
 */
const BACKLOG = 16_384;

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

  /** `close` ends the sessions; what is left after it, such as a connection without a handshake, is dropped. */
  async http2(
    server: Http2SecureServer,
    port: number,
    setting: string,
    close: () => Promise<void>,
  ): Promise<Stoppable> {
    const sockets = new Set<Socket>();
    server.on("connection", (socket: Socket) => {
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
    });
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
        for (const socket of sockets) socket.destroy();
        await closed;
      },
    };
  },
};
