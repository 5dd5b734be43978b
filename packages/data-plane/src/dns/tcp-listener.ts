import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { FrameReader, frame } from "./tcp-frames.ts";

const MAX_CONNECTIONS = 128;
/** Of one connection; a client that asks faster than it is answered, or that does not read, is not read from. */
const MAX_UNDER_WAY = 32;
const IDLE_MS = 10_000;

/** Answers one question: now or later, once; without an answer where it is none. */
export type Handle = (query: Buffer, respond: (reply: Buffer | undefined) => void) => void;

/** A server of DNS over TCP (RFC 7766): connections stay open, questions on one are answered as answers come. */
export class TcpListener {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(handle: Handle) {
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
      serve(socket, handle);
    });
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  /** Rejects where the address is not free. */
  async listen(address: string, port: number): Promise<void> {
    this.#server.listen({ host: address, port, ipv6Only: true });
    await once(this.#server, "listening");
    this.#server.on("error", () => {
      // A connection could not be accepted; the next one may.
    });
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

function serve(socket: Socket, handle: Handle): void {
  const frames = new FrameReader();
  const queue: Buffer[] = [];
  let underWay = 0;
  let hasEnded = false;
  let isFull = false;
  const next = () => {
    while (underWay < MAX_UNDER_WAY && !isFull) {
      const query = queue.shift();
      if (query === undefined) break;
      underWay++;
      handle(query, (reply) => {
        underWay--;
        if (socket.destroyed) return;
        if (reply === undefined) return void socket.destroy();
        isFull = !socket.write(frame(reply));
        next();
      });
    }
    if (queue.length > 0 || isFull) socket.pause();
    else socket.resume();
    if (hasEnded && underWay === 0 && queue.length === 0) socket.end();
  };
  socket.setTimeout(IDLE_MS, () => socket.destroy());
  socket.setNoDelay();
  socket.on("error", () => socket.destroy());
  socket.on("drain", () => {
    isFull = false;
    next();
  });
  socket.on("end", () => {
    hasEnded = true;
    next();
  });
  socket.on("data", (chunk: Buffer) => {
    queue.push(...frames.push(chunk));
    next();
  });
}
