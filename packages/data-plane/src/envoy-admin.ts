import { createConnection } from "node:net";
import { decodeHttpResponse, type HttpMessage } from "./http-message.ts";
import type { AdminAddress } from "./launch-plan.ts";

/** Sends one request to an Envoy's admin interface. Rejects when it does not answer in time. */
export type CallAdmin = (method: "GET" | "POST", path: string) => Promise<HttpMessage>;

/** {@link CallAdmin} over a Unix socket or TCP, one connection a request. */
export function envoyAdmin(address: AdminAddress, timeoutMs = 2_000): CallAdmin {
  const target =
    address.kind === "pipe" ? { path: address.path } : { host: address.host, port: address.port };
  return (method, path) =>
    new Promise((resolve, reject) => {
      let answer = Buffer.alloc(0);
      const socket = createConnection(target, () => {
        const length = method === "POST" ? "content-length: 0\r\n" : "";
        socket.write(`${method} ${path} HTTP/1.1\r\nhost: envoy\r\n${length}connection: close\r\n\r\n`);
      });
      const timer = setTimeout(() => {
        socket.destroy(new Error(`Envoy's admin interface did not answer ${path} within ${timeoutMs} ms`));
      }, timeoutMs);
      socket.on("data", (chunk: Buffer) => {
        answer = Buffer.concat([answer, chunk]);
        finish(false);
      });
      socket.on("error", reject);
      socket.on("close", () => {
        clearTimeout(timer);
        finish(true);
        reject(new Error(`Envoy's admin interface broke off its answer to ${path}`));
      });
      // A whole answer is enough: Envoy may take a second to close the connection after it.
      const finish = (isClosed: boolean): void => {
        const message = decodeHttpResponse(answer, isClosed);
        if (message === undefined) return;
        resolve(message);
        socket.destroy();
      };
    });
}
