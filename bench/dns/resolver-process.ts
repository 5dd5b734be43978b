import { createSocket } from "node:dgram";
import { questionEnd } from "@skein/data-plane/dns/testing/packets";

/**
 * The resolver that everything else is compared with: `node resolver-process.ts ADDRESS PORT`. It gives every name one
 * address, with as little work as that takes.
 */
const [address = "", port = ""] = process.argv.slice(2);
const socket = createSocket({
  type: "udp4",
  lookup: (host, _options, callback) => callback(null, host, 4),
});
const RECORD = Buffer.from("c00c000100010000003c0004c0000201", "hex");
const ignored = () => undefined;

socket.on("message", (query, from) => {
  const end = questionEnd(query);
  const reply = Buffer.allocUnsafe(end + RECORD.length);
  query.copy(reply, 0, 0, end);
  reply.writeUInt16BE(0x8180, 2);
  reply.writeUInt16BE(1, 6);
  reply.writeUInt32BE(0, 8);
  RECORD.copy(reply, end);
  socket.send(reply, from.port, from.address, ignored);
});
socket.bind(Number(port), address, () => {
  socket.setRecvBufferSize(4 << 20);
  console.log("listening");
});
