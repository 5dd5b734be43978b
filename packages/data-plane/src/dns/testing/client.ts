import { createSocket } from "node:dgram";
import { createConnection } from "node:net";

export interface Server {
  readonly address: string;
  readonly port: number;
}

/** Sends a packet by UDP; resolves with the first answer, or with nothing when none came in time. */
export function askUdp(
  { address, port }: Server,
  packet: Buffer,
  timeoutMs = 8_000,
): Promise<Buffer | undefined> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
    const done = (reply: Buffer | undefined) => {
      clearTimeout(timer);
      socket.close();
      resolve(reply);
    };
    const timer = setTimeout(() => done(undefined), timeoutMs);
    socket.on("error", reject);
    socket.on("message", (reply: Buffer) => done(reply));
    socket.send(packet, port, address);
  });
}

/** Sends bytes over one TCP connection; resolves with the messages that came, once there are `count`, or the end. */
export function askTcp({ address, port }: Server, bytes: Buffer, count: number): Promise<readonly Buffer[]> {
  return new Promise((resolve, reject) => {
    const found: Buffer[] = [];
    let rest = Buffer.alloc(0);
    const socket = createConnection({ host: address, port }, () => socket.write(bytes));
    socket.on("error", reject);
    socket.on("data", (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16BE(0)) {
        const end = 2 + rest.readUInt16BE(0);
        found.push(rest.subarray(2, end));
        rest = rest.subarray(end);
      }
      if (found.length >= count) socket.destroy();
    });
    socket.on("close", () => resolve(found));
  });
}

/** A message with its length before it. */
export function framed(message: Buffer): Buffer {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(message.length);
  return Buffer.concat([head, message]);
}
