import { connect, type Socket } from "node:net";

/** One run of the load generator. */
export interface LoadOrder {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly connections: number;
  readonly seconds: number;
  /** Requests per second over all connections; as fast as answers come where absent. */
  readonly rate?: number;
}

/** What it saw; times in microseconds. */
export interface LoadResult {
  readonly requests: number;
  readonly failures: number;
  readonly seconds: number;
  readonly median: number;
  readonly p99: number;
}

const END_OF_HEAD = Buffer.from("\r\n\r\n");
const WARM_UP_SECONDS = 1;

process.on("message", (order: LoadOrder) => {
  run(order).then(
    (result) => process.send?.({ result }),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
process.on("disconnect", () => process.exit(0));

async function run(order: LoadOrder): Promise<LoadResult> {
  const micros: number[] = [];
  let failures = 0;
  const measuredFrom = performance.now() + WARM_UP_SECONDS * 1000;
  const until = measuredFrom + order.seconds * 1000;
  const gapMs = order.rate === undefined ? 0 : (1000 * order.connections) / order.rate;
  const client = async (at: number): Promise<void> => {
    const connection = await open(order);
    let due = performance.now() + (gapMs * at) / order.connections;
    while (performance.now() < until) {
      const wait = due - performance.now();
      if (gapMs > 0 && wait > 1) await new Promise((resolve) => setTimeout(resolve, wait));
      const from = process.hrtime.bigint();
      const isWell = await connection.get();
      if (performance.now() < measuredFrom) due += gapMs;
      else {
        micros.push(Number(process.hrtime.bigint() - from) / 1000);
        if (!isWell) failures += 1;
        due += gapMs;
      }
    }
    connection.socket.destroy();
  };
  await Promise.all(Array.from({ length: order.connections }, (_, at) => client(at)));
  micros.sort((a, b) => a - b);
  return {
    requests: micros.length,
    failures,
    seconds: order.seconds,
    median: micros[Math.floor(micros.length / 2)] ?? Number.NaN,
    p99: micros[Math.floor(micros.length * 0.99)] ?? Number.NaN,
  };
}

/** A kept-alive HTTP/1.1 connection with as little of a client as will do, so that it adds little of its own. */
async function open({ host, port, path }: LoadOrder): Promise<{ socket: Socket; get(): Promise<boolean> }> {
  const request = Buffer.from(`GET ${path} HTTP/1.1\r\nhost: app.bench\r\n\r\n`);
  const socket = connect({ host, port, noDelay: true });
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
  let seen: Buffer = Buffer.alloc(0);
  let answered: { resolve: (isWell: boolean) => void; reject: (error: Error) => void } | undefined;
  socket.on("data", (chunk: Buffer) => {
    seen = seen.length === 0 ? chunk : Buffer.concat([seen, chunk]);
    const head = seen.indexOf(END_OF_HEAD);
    if (head < 0) return;
    const text = seen.toString("latin1", 0, head);
    const end = bodyEnd(text, head + END_OF_HEAD.length, seen);
    if (end === undefined || seen.length < end) return;
    seen = seen.subarray(end);
    answered?.resolve(text.startsWith("HTTP/1.1 200"));
  });
  socket.on("close", () => answered?.reject(new Error(`${host}:${port} closed the connection`)));
  return {
    socket,
    get: () =>
      new Promise((resolve, reject) => {
        answered = { resolve, reject };
        socket.write(request);
      }),
  };
}

function bodyEnd(head: string, from: number, seen: Buffer): number | undefined {
  const length = /content-length: *(\d+)/i.exec(head)?.[1];
  if (length !== undefined) return from + Number(length);
  const last = seen.indexOf("0\r\n\r\n", from, "latin1");
  return last < 0 ? undefined : last + 5;
}
