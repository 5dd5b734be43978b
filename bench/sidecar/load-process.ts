import { connect, type Socket } from "node:net";
import { quantile } from "../harness/stats.ts";

/** One run of the load generator: `node load-process.ts ORDER`, both as JSON, the result on stdout. */
export interface LoadOrder {
  /** An address, or a name that is looked up for each connection. */
  readonly host: string;
  readonly port: number;
  readonly path: string;
  /** Requests under way at a time, each over a connection of its own. */
  readonly connections: number;
  /** Every request opens a connection, which belongs to its time. */
  readonly renewed?: boolean;
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
  /** Median time of looking a name up; `null` where none was. */
  readonly lookup: number | null;
}

const END_OF_HEAD = Buffer.from("\r\n\r\n");
const WARM_UP_SECONDS = 1;

async function run(order: LoadOrder): Promise<LoadResult> {
  const micros: number[] = [];
  const lookups: number[] = [];
  let failures = 0;
  const measuredFrom = performance.now() + WARM_UP_SECONDS * 1000;
  const until = measuredFrom + order.seconds * 1000;
  const gapMs = order.rate === undefined ? 0 : (1000 * order.connections) / order.rate;
  const client = async (at: number): Promise<void> => {
    let connection = order.renewed === true ? undefined : await open(order);
    let due = performance.now() + (gapMs * at) / order.connections;
    while (performance.now() < until) {
      const wait = due - performance.now();
      if (gapMs > 0 && wait > 1) await new Promise((resolve) => setTimeout(resolve, wait));
      const from = process.hrtime.bigint();
      connection ??= await open(order);
      const isWell = await connection.get();
      const took = microsSince(from);
      due += gapMs;
      if (performance.now() >= measuredFrom) {
        micros.push(took);
        if (connection.lookup !== undefined) lookups.push(connection.lookup);
        if (!isWell) failures += 1;
      }
      if (order.renewed !== true) continue;
      // A reset: as many connections as these would leave no port of this host that is not in TIME_WAIT.
      connection.socket.resetAndDestroy();
      connection = undefined;
    }
    connection?.socket.destroy();
  };
  await Promise.all(Array.from({ length: order.connections }, (_, at) => client(at)));
  return {
    requests: micros.length,
    failures,
    seconds: order.seconds,
    median: quantile(micros, 0.5),
    p99: quantile(micros, 0.99),
    lookup: lookups.length === 0 ? null : quantile(lookups, 0.5),
  };
}

function microsSince(from: bigint): number {
  return Number(process.hrtime.bigint() - from) / 1000;
}

interface Connection {
  readonly socket: Socket;
  /** Microseconds that it took to look the name up. */
  readonly lookup: number | undefined;
  /** Sends the request; answers whether its answer is 200. */
  get(): Promise<boolean>;
}

/** An HTTP/1.1 connection with as little of a client as will do, so that it adds little of its own. */
async function open({ host, port, path }: LoadOrder): Promise<Connection> {
  const request = Buffer.from(`GET ${path} HTTP/1.1\r\nhost: app.bench\r\n\r\n`);
  const from = process.hrtime.bigint();
  const socket = connect({ host, port, family: 4, noDelay: true });
  let lookup: number | undefined;
  socket.once("lookup", () => {
    lookup = microsSince(from);
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.on("error", reject);
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
    lookup,
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

process.stdout.write(`${JSON.stringify(await run(JSON.parse(process.argv[2] ?? "")))}\n`);
