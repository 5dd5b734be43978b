import { createServer, type Server, type Socket } from "node:net";
import { parseRequestLine } from "./http-message.ts";
import type { Readiness } from "./readiness.ts";

export interface ReadinessServerOptions {
  readonly address: string;
  readonly port: number;
  readonly probe: () => Promise<Readiness>;
  /** Of the launcher itself, as Prometheus reads them. */
  readonly metrics?: () => string;
}

const MAX_REQUEST_BYTES = 8 * 1024;
const REQUEST_TIMEOUT_MS = 5_000;

/** Serves `GET /ready`, and `GET /metrics` where the launcher counts something; each connection once. Resolves when it listens, rejects when it cannot. */
export function serveReadiness(options: ReadinessServerOptions): Promise<Server> {
  const server = createServer((socket) => answer(socket, options));
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, options.address, () => {
      server.off("error", reject);
      resolve(server);
    });
  });
}

function answer(socket: Socket, options: ReadinessServerOptions): void {
  let text = "";
  socket.setTimeout(REQUEST_TIMEOUT_MS, () => socket.destroy());
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk: Buffer) => {
    const complete = text.includes("\r\n\r\n");
    text += chunk.toString("latin1");
    if (text.length > MAX_REQUEST_BYTES) socket.destroy();
    else if (!complete && text.includes("\r\n\r\n")) respond(socket, text, options);
  });
}

async function respond(
  socket: Socket,
  text: string,
  { probe, metrics }: ReadinessServerOptions,
): Promise<void> {
  const request = parseRequestLine(text);
  if (request === undefined) return void socket.end(reply("400 Bad Request", "not HTTP"));
  const isMetrics = request.path === "/metrics" && metrics !== undefined;
  if (request.path !== "/ready" && !isMetrics) {
    return void socket.end(reply("404 Not Found", "only /ready is here"));
  }
  if (request.method !== "GET" && request.method !== "HEAD") {
    return void socket.end(reply("405 Method Not Allowed", "only GET"));
  }
  const full = isMetrics ? reply("200 OK", metrics()) : await readinessReply(probe);
  socket.end(request.method === "HEAD" ? full.slice(0, full.indexOf("\r\n\r\n") + 4) : full);
}

async function readinessReply(probe: () => Promise<Readiness>): Promise<string> {
  const { ready, state } = await probe();
  return reply(ready ? "200 OK" : "503 Service Unavailable", state);
}

function reply(status: string, body: string): string {
  return `HTTP/1.1 ${status}\r\ncontent-type: text/plain\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`;
}
