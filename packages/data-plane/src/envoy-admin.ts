import { createConnection } from "node:net";
import { exchange } from "./http-exchange.ts";
import type { HttpMessage } from "./http-message.ts";
import type { AdminAddress } from "./launch-plan.ts";

/** Sends one request to an Envoy's admin interface. Rejects when it does not answer in time. */
export type CallAdmin = (method: "GET" | "POST", path: string) => Promise<HttpMessage>;

/** {@link CallAdmin} over a Unix socket or TCP, one connection a request. */
export function envoyAdmin(address: AdminAddress, timeoutMs = 2_000): CallAdmin {
  const target =
    address.kind === "pipe" ? { path: address.path } : { host: address.host, port: address.port };
  return (method, path) => {
    const socket = createConnection(target);
    const timer = setTimeout(() => {
      socket.destroy(new Error(`Envoy's admin interface did not answer ${path} within ${timeoutMs} ms`));
    }, timeoutMs);
    socket.on("close", () => clearTimeout(timer));
    return exchange(socket, { method, path, headers: method === "POST" ? ["content-length: 0"] : [] });
  };
}
