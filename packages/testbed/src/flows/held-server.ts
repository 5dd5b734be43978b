import { createServer, type ServerResponse } from "node:http";

/** An HTTP server whose requests wait until they are told how to be answered, so that many are open for certain. */
export interface HeldServer {
  /** How many requests wait. */
  readonly waiting: number;
  /** How many requests have come. */
  readonly seen: number;
  /** Answers all that wait. */
  answer(status: number): void;
  /** From now on answers at once, or holds again. */
  answerAtOnce(status: number | undefined): void;
  close(): Promise<void>;
}

/** Starts one. */
export async function heldServer(address: string, port: number): Promise<HeldServer> {
  let held: ServerResponse[] = [];
  let seen = 0;
  let always: number | undefined;
  const server = createServer((_request, response) => {
    seen++;
    if (always !== undefined) response.writeHead(always).end();
    else held.push(response);
  });
  server.keepAliveTimeout = 3_600_000;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: address, port }, resolve);
  });
  return {
    get waiting() {
      return held.length;
    },
    get seen() {
      return seen;
    },
    answer: (status) => {
      const open = held;
      held = [];
      for (const response of open) response.writeHead(status).end();
    },
    answerAtOnce: (status) => {
      always = status;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
