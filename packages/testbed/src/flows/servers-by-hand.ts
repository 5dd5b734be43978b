import {
  createServer,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type Http2Session,
} from "node:http2";
import type { TestContext } from "node:test";
import { resource } from "./scene.ts";

/** Where servers that have no proxy listen. */
export const PORT = 8080;
/** Names a call, so that a server can tell its attempts from those of others. */
export const CALL = "x-airline-call";

/** A Dataplane for a server that has no proxy: the proxies of callers come to it directly. */
export function dataplane(
  name: string,
  address: string,
  inbound: {
    readonly protocol: "http" | "grpc" | "tcp";
    readonly tags?: Readonly<Record<string, string>>;
  },
  labels: Readonly<Record<string, string>> = {},
): string {
  return resource("Dataplane", name, {
    labels,
    networking: { address, inbound: [{ port: PORT, ...inbound }] },
  });
}

/** A server of this process, until the test ends. It speaks HTTP/2 without TLS, as a proxy does to the proxy of a callee. */
export async function serverByHand(
  context: TestContext,
  host: string,
  handle: (request: Http2ServerRequest, response: Http2ServerResponse) => void,
): Promise<void> {
  const server = createServer(handle);
  const open = new Set<Http2Session>();
  server.on("session", (session) => {
    open.add(session);
    session.on("close", () => open.delete(session));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port: PORT }, resolve);
  });
  context.after(() => {
    server.close();
    for (const session of open) session.destroy();
  });
}
