import type { Socket } from "node:net";
import { decodeHttpResponse, type HttpMessage } from "./http-message.ts";

/** One request to Envoy. */
export interface ExchangeRequest {
  readonly method: "GET" | "POST";
  readonly path: string;
  /** Whole lines without their ends. */
  readonly headers?: readonly string[];
}

/**
 * Sends one request over a connection that is for nothing else, and resolves with the answer. A whole answer is enough:
 * Envoy may take a second to close the connection after it. How long to wait is for whoever opened the connection.
 *
 * @throws what ended the connection, or that it ended within the answer
 */
export function exchange(
  socket: Socket,
  { method, path, headers = [] }: ExchangeRequest,
): Promise<HttpMessage> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const finish = (isClosed: boolean): void => {
      const message = decodeHttpResponse(Buffer.concat(chunks), isClosed);
      if (message === undefined) return;
      resolve(message);
      socket.destroy();
    };
    socket.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      finish(false);
    });
    socket.on("error", reject);
    socket.on("close", () => {
      finish(true);
      reject(new Error(`Envoy broke off its answer to ${path}`));
    });
    const lines = [`${method} ${path} HTTP/1.1`, "host: envoy", ...headers, "connection: close"];
    socket.write(`${lines.join("\r\n")}\r\n\r\n`);
  });
}
