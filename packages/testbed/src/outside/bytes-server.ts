import { type AddressInfo, createServer, type Socket } from "node:net";

/** A server outside the mesh that takes bytes. */
export interface BytesServer {
  readonly port: number;
  close(): void;
}

/** Greets whoever comes with a line of its name, and says again what it is told. */
export async function bytesServer(name: string): Promise<BytesServer> {
  const server = createServer((socket: Socket) => {
    socket.on("error", () => {});
    socket.write(`${name}\n`);
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { port, close: () => server.close() };
}
