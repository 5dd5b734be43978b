import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { query } from "@skein/data-plane/dns/testing/packets";
import { quantile } from "../harness/stats.ts";

/** One run of the load generator: always `open` questions under way, each followed by the next when it is answered. */
export interface DnsLoadOrder {
  readonly address: string;
  readonly port: number;
  readonly name: string;
  /** Every question asks for another name below it. */
  readonly distinct: boolean;
  readonly open: number;
  readonly seconds: number;
}

/** What it saw; times in microseconds. */
export interface DnsLoadResult {
  readonly answers: number;
  /** Unanswered for a second, or answered without an address. */
  readonly failures: number;
  readonly median: number;
  readonly p99: number;
}

const WARM_UP_MS = 1_000;
const LOST_MS = 1_000;
const SOCKETS = 4;

process.on("message", (order: DnsLoadOrder) => {
  run(order).then(
    (result) => process.send?.({ result }),
    (error: unknown) => process.send?.({ error: String(error) }),
  );
});
process.on("disconnect", () => process.exit(0));

async function run(order: DnsLoadOrder): Promise<DnsLoadResult> {
  const micros: number[] = [];
  let failures = 0;
  let number = 0;
  const measuredFrom = performance.now() + WARM_UP_MS;
  const until = measuredFrom + order.seconds * 1000;
  const fixed = query({ name: order.name });
  const next = (id: number): Buffer => {
    if (order.distinct) return query({ id, name: `h${number++}.${order.name}` });
    const packet = Buffer.from(fixed);
    packet.writeUInt16BE(id, 0);
    return packet;
  };
  const client = async (open: number): Promise<Socket> => {
    const socket = createSocket("udp4");
    socket.connect(order.port, order.address);
    await once(socket, "connect");
    socket.setRecvBufferSize(4 << 20);
    const sent = new Map<number, number>();
    let id = 0;
    const ask = () => {
      if (performance.now() >= until) return;
      id = (id + 1) & 0xffff;
      sent.set(id, performance.now());
      socket.send(next(id));
    };
    socket.on("message", (reply) => {
      const from = sent.get(reply.readUInt16BE(0));
      if (from === undefined) return;
      sent.delete(reply.readUInt16BE(0));
      const now = performance.now();
      if (from >= measuredFrom && now <= until) micros.push((now - from) * 1000);
      if (reply.readUInt16BE(6) === 0) failures += 1;
      ask();
    });
    setInterval(() => {
      for (const [each, from] of sent) {
        if (performance.now() - from < LOST_MS) continue;
        sent.delete(each);
        failures += 1;
        ask();
      }
    }, LOST_MS / 4).unref();
    for (let index = 0; index < open; index++) ask();
    return socket;
  };
  const sockets = Math.min(SOCKETS, order.open);
  const clients = await Promise.all(Array.from({ length: sockets }, () => client(order.open / sockets)));
  await new Promise((resolve) => setTimeout(resolve, until - performance.now() + LOST_MS * 1.5));
  for (const socket of clients) socket.close();
  return {
    answers: micros.length,
    failures,
    median: quantile(micros, 0.5),
    p99: quantile(micros, 0.99),
  };
}
