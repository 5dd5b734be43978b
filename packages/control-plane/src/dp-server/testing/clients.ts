import { once } from "node:events";
import { connect, type TLSSocket } from "node:tls";
import { parentPort, workerData } from "node:worker_threads";

/** Connects many clients from a thread of its own, so that what they hold is not counted with the server's. */
interface ClientsData {
  readonly port: number;
  readonly ca: string;
  readonly count: number;
}

const { port, ca, count } = workerData as ClientsData;
const sockets: TLSSocket[] = [];
for (let index = 0; index < count; index++) {
  const socket = connect({ port, host: "127.0.0.1", ca, ALPNProtocols: ["h2"] });
  await once(socket, "secureConnect");
  sockets.push(socket);
}
parentPort?.once("message", () => {
  for (const socket of sockets) socket.destroy();
});
parentPort?.postMessage("connected");
