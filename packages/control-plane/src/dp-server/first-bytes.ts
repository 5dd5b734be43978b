import type { Server, Socket } from "node:net";
import { createPending } from "../xds/pending.ts";

/** How long a client may take to say its first word. */
const SILENCE_MS = 30_000;
/** Connections that begin in one turn of the event loop. */
const BEGINNING = 8;

/**
 * Has a TLS server begin with a connection when its first bytes are there, and not before.
 *
 * TLS that is given its first bytes takes buffers as large as these and then of 16 KB. TLS that reads them by itself takes
 * one of 64 KB, and keeps it for as long as the connection lives: a proxy that has said all about itself, which are
 * 60 KB, fills it once and never again. A client that says nothing costs no TLS at all, and is sent away after a while.
 *
 * Of connections that come together a few begin in each turn of the event loop: thousands of proxies that come back at once would
 * else all have said everything before the first of them is answered, and nobody else would be for seconds.
 */
export function beginWithFirstBytes(server: Server, silenceMs = SILENCE_MS): void {
  const begin = server.listeners("connection");
  server.removeAllListeners("connection");
  const beginning = createPending<Socket>({
    run(socket) {
      if (socket.destroyed || socket.readableLength === 0) socket.destroy();
      else for (const each of begin) each.call(server, socket);
    },
    most: BEGINNING,
    sliceMs: Number.POSITIVE_INFINITY,
    // As where it is called without a queue.
    onError(error) {
      throw error;
    },
  });
  server.on("connection", (socket: Socket) => {
    const sendAway = (): void => {
      socket.destroy();
    };
    // Whoever resets a connection before it has begun is its own problem.
    socket.on("error", sendAway);
    socket.setTimeout(silenceMs, sendAway);
    socket.once("readable", () => {
      socket.setTimeout(0, sendAway);
      beginning.add(socket);
    });
  });
}
