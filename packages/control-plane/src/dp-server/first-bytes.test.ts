import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, connect as dial, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { connect, createServer as createTlsServer } from "node:tls";
import { makeTestCertificate } from "../xds/testing/certificate.ts";
import { until } from "../xds/testing/until.ts";
import { beginWithFirstBytes } from "./first-bytes.ts";

const QUESTION = "x".repeat(200_000);
const TOGETHER = 100;

/** A server that says how much it was told, up to a line's end. */
async function start(t: TestContext, silenceMs?: number) {
  const { certPem, keyPem } = await makeTestCertificate();
  const server = createTlsServer({ cert: certPem, key: keyPem }, (socket) => {
    let length = 0;
    socket.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (chunk.at(-1) === 10) socket.write(`${length - 1}\n`);
    });
    socket.on("error", () => undefined);
  });
  const begun: Begun[] = [];
  let turn = 0;
  let counting = setImmediate(function count() {
    turn += 1;
    counting = setImmediate(count);
  });
  t.after(() => clearImmediate(counting));
  server.on("connection", ({ destroyed }: Socket) => begun.push({ turn, destroyed }));
  beginWithFirstBytes(server, silenceMs);
  server.on("tlsClientError", () => undefined);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const open = () => new Promise<number>((resolve) => server.getConnections((_, count) => resolve(count)));
  const empty = () => until("no connection to be open", async () => (await open()) === 0);
  return { port, ca: certPem, open, empty, begun };
}

/** A connection with which TLS has begun, and how it was then. */
interface Begun {
  /** Of the event loop. */
  readonly turn: number;
  readonly destroyed: boolean;
}

/** A port before the server's that passes a client's bytes on one by one until the server has answered. */
async function dripping(t: TestContext, port: number): Promise<number> {
  const relay = createServer((client) => {
    const server = dial(port, "127.0.0.1");
    let answered = false;
    let last = Promise.resolve();
    server.on("data", (chunk: Buffer) => {
      answered = true;
      client.write(chunk);
    });
    client.on("data", (chunk: Buffer) => {
      last = last.then(async () => {
        if (answered) server.write(chunk);
        else for (const byte of chunk) await sent(server, Buffer.from([byte]));
      });
    });
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      one.on("error", () => other.destroy());
      one.on("close", () => other.destroy());
    }
  });
  relay.listen(0, "127.0.0.1");
  await once(relay, "listening");
  t.after(() => relay.close());
  return (relay.address() as AddressInfo).port;
}

function sent(socket: Socket, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => socket.write(bytes, () => setImmediate(resolve)));
}

async function answer(port: number, ca: string, question: string): Promise<string> {
  const socket = connect({ port, host: "127.0.0.1", ca });
  try {
    socket.write(`${question}\n`);
    const [chunk] = (await once(socket, "data")) as [Buffer];
    return chunk.toString("utf8").trim();
  } finally {
    socket.destroy();
  }
}

test("nothing is lost, however the first bytes come", async (t) => {
  const { port, ca } = await start(t);
  assert.equal(await answer(port, ca, QUESTION), String(QUESTION.length));
  const all = await Promise.all(Array.from({ length: 50 }, (_, i) => answer(port, ca, QUESTION.slice(i))));
  assert.deepEqual(
    all,
    Array.from({ length: 50 }, (_, i) => String(QUESTION.length - i)),
  );
  assert.equal(await answer(await dripping(t, port), ca, QUESTION), String(QUESTION.length));
});

test("who says nothing is sent away, and who has begun may be silent", async (t) => {
  const { port, ca, open } = await start(t, 200);
  const talking = connect({ port, host: "127.0.0.1", ca });
  await once(talking, "secureConnect");
  const silent = dial(port, "127.0.0.1");
  await once(silent, "close");
  assert.equal(await open(), 1);
  assert.equal(talking.destroyed, false);
  talking.write("still there\n");
  const [chunk] = (await once(talking, "data")) as [Buffer];
  assert.equal(chunk.toString("utf8"), "11\n");
  talking.destroy();
});

test("who leaves before the first byte, or resets, takes nobody along", async (t) => {
  const { port, ca, empty } = await start(t);
  const leaving = dial(port, "127.0.0.1");
  await once(leaving, "connect");
  leaving.end();
  const resetting = dial(port, "127.0.0.1");
  await once(resetting, "connect");
  resetting.resetAndDestroy();
  await once(leaving, "close");
  assert.equal(await answer(port, ca, "hello"), "5");
  await empty();
});

/** Connections that have all been accepted, and then say their first word all at once. */
async function speakTogether({ port, open }: Pick<Awaited<ReturnType<typeof start>>, "port" | "open">) {
  const clients = Array.from({ length: TOGETHER }, () => dial(port, "127.0.0.1"));
  await until("all to be accepted", async () => (await open()) === TOGETHER);
  for (const client of clients) client.write("no TLS");
  return clients;
}

test("of many that speak together few begin in one turn of the event loop, and none is forgotten", async (t) => {
  const server = await start(t);
  const clients = await speakTogether(server);
  await Promise.all(clients.map((client) => once(client, "close")));
  assert.equal(server.begun.length, TOGETHER);
  const turns = Map.groupBy(server.begun, ({ turn }) => turn);
  assert.ok(Math.max(...Array.from(turns.values(), (each) => each.length)) <= 8);
  await server.empty();
});

test("with who leaves before its turn nothing is begun", async (t) => {
  const server = await start(t);
  const clients = await speakTogether(server);
  while (server.begun.length === 0) await new Promise((resolve) => setImmediate(resolve));
  for (const client of clients) client.resetAndDestroy();
  await server.empty();
  assert.ok(server.begun.length < TOGETHER, "none had to wait");
  assert.ok(server.begun.every(({ destroyed }) => !destroyed));
});
