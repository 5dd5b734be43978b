import { createSocket, type RemoteInfo } from "node:dgram";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { replyTo } from "./packets.ts";

/** What a resolver of a test does with a question; without a result it stays silent. */
export type Script = (query: Buffer, via: "udp" | "tcp") => Buffer | readonly Buffer[] | undefined;

/** A resolver of a test, by UDP and TCP. */
export interface TestResolver extends AsyncDisposable {
  readonly address: string;
  readonly port: number;
  /** Every question it got. */
  readonly asked: { readonly query: Buffer; readonly via: "udp" | "tcp"; readonly port: number }[];
  script: Script;
}

/** Answers every question with one address. */
export const FOUND: Script = (query) => replyTo(query, [{ type: 1, data: Buffer.from([192, 0, 2, 1]) }]);

/** Starts a resolver on a free port of this address, or on a certain one. */
export async function startResolver(
  address: string,
  script: Script = FOUND,
  port = 0,
): Promise<TestResolver> {
  const tcp = createServer();
  tcp.listen(port, address);
  await once(tcp, "listening");
  const listening = tcp.address();
  const bound = typeof listening === "object" && listening !== null ? listening.port : 0;
  const udp = createSocket(address.includes(":") ? "udp6" : "udp4");
  udp.bind(bound, address);
  await once(udp, "listening");
  const connections = new Set<Socket>();
  const resolver: TestResolver = {
    address,
    port: bound,
    asked: [],
    script,
    [Symbol.asyncDispose]: async () => {
      udp.close();
      for (const each of connections) each.destroy();
      tcp.close();
      await once(tcp, "close");
    },
  };
  const repliesTo = (query: Buffer, via: "udp" | "tcp", from: number): readonly Buffer[] => {
    resolver.asked.push({ query, via, port: from });
    const found = resolver.script(query, via);
    return found === undefined ? [] : [found].flat();
  };
  udp.on("message", (query: Buffer, from: RemoteInfo) => {
    for (const reply of repliesTo(query, "udp", from.port)) udp.send(reply, from.port, from.address);
  });
  tcp.on("connection", (socket) => {
    connections.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => connections.delete(socket));
    let bytes = Buffer.alloc(0);
    socket.on("data", (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      while (bytes.length >= 2 && bytes.length >= 2 + bytes.readUInt16BE(0)) {
        const end = 2 + bytes.readUInt16BE(0);
        for (const reply of repliesTo(bytes.subarray(2, end), "tcp", socket.remotePort ?? 0)) {
          const head = Buffer.alloc(2);
          head.writeUInt16BE(reply.length);
          socket.write(Buffer.concat([head, reply]));
        }
        bytes = bytes.subarray(end);
      }
    });
  });
  return resolver;
}
