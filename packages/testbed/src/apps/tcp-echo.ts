import { createServer, type Socket } from "node:net";
import type { RunningApp } from "./echo.ts";

export interface TcpEchoOptions {
  /** Whom it says it is. */
  readonly instance: string;
  readonly address: string;
  readonly port: number;
}

/** The app's TCP mode: greets with its name and a newline, then sends back what it gets. */
export async function startTcpEcho(options: TcpEchoOptions): Promise<RunningApp> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on("close", () => open.delete(socket));
    socket.on("error", () => socket.destroy());
    socket.write(`${options.instance}\n`);
    socket.pipe(socket);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: options.address, port: options.port }, resolve);
  });
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of open) socket.destroy();
      }),
  };
}
