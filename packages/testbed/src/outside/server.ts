import { createServer as createPlainServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer, type ServerOptions } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { TLSSocket } from "node:tls";

/** What a server outside saw of a request. */
export interface SeenOutside {
  readonly server: string;
  readonly host: string;
  readonly sni: string | null;
  /** Common name of the client's certificate. */
  readonly client: string | null;
  readonly alpn: string | null;
  readonly protocol: string | null;
  /** What proxies of the mesh tell each other of a caller. */
  readonly callerTags: string | null;
  /** What a proxy says of the certificate by which it knows the caller. */
  readonly callerCertificate: string | null;
  /** How many requests have come so far. */
  readonly count: number;
}

/** A server outside the mesh. */
export interface OutsideServer {
  readonly port: number;
  readonly seen: readonly SeenOutside[];
  /**
   * How the next requests are answered: milliseconds to wait, statuses to use up before 200, and whether each is the
   * last one on its connection.
   */
  behave(next: {
    readonly delayMs?: number;
    readonly statuses?: readonly number[];
    readonly closing?: boolean;
  }): void;
  close(): Promise<void>;
}

/** Where a server listens: a port at an address, one of its own where none is said; or a Unix socket. */
export type ListenAt = { readonly address: string; readonly port?: number } | { readonly socket: string };

/** Starts an HTTP server, with TLS where there are options for it, that answers with what it saw. */
export async function outsideServer(
  name: string,
  tls: ServerOptions | undefined,
  at: ListenAt = { address: "127.0.0.1" },
): Promise<OutsideServer> {
  const seen: SeenOutside[] = [];
  let delayMs = 0;
  let statuses: number[] = [];
  let isClosing = false;
  const handle = (request: IncomingMessage, answer: ServerResponse) => {
    const socket = request.socket as Partial<TLSSocket>;
    const one: SeenOutside = {
      server: name,
      host: request.headers.host ?? "",
      sni: typeof socket.servername === "string" ? socket.servername : null,
      client: String(socket.getPeerCertificate?.()?.subject?.CN ?? "") || null,
      alpn: typeof socket.alpnProtocol === "string" ? socket.alpnProtocol : null,
      protocol: socket.getProtocol?.() ?? null,
      callerTags: String(request.headers["x-kuma-tags"] ?? "") || null,
      callerCertificate: String(request.headers["x-forwarded-client-cert"] ?? "") || null,
      count: seen.length + 1,
    };
    seen.push(one);
    setTimeout(() => {
      answer.writeHead(statuses.shift() ?? 200, {
        "content-type": "application/json",
        ...(isClosing ? { connection: "close" } : {}),
      });
      answer.end(JSON.stringify(one));
    }, delayMs);
  };
  const server = tls === undefined ? createPlainServer(handle) : createServer(tls, handle);
  // Node's default of five seconds would end connections that a proxy is about to use again.
  server.keepAliveTimeout = 3_600_000;
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => {});
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    if ("socket" in at) server.listen(at.socket, resolve);
    else server.listen(at.port ?? 0, at.address, resolve);
  });
  const address = server.address();
  return {
    port: typeof address === "object" ? ((address as AddressInfo | null)?.port ?? 0) : 0,
    seen,
    behave: (next) => {
      delayMs = next.delayMs ?? 0;
      statuses = [...(next.statuses ?? [])];
      isClosing = next.closing ?? false;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
