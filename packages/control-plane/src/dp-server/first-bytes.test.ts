import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer, connect as dial, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { connect, createServer as createTlsServer } from "node:tls";
import { makeTestCertificate } from "../xds/testing/certificate.ts";
import { beginWithFirstBytes } from "./first-bytes.ts";

const QUESTION = "x".repeat(200_000);

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
  beginWithFirstBytes(server, silenceMs);
  server.on("tlsClientError", () => undefined);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const open = () => new Promise<number>((resolve) => server.getConnections((_, count) => resolve(count)));
  return { port, ca: certPem, open };
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
  const { port, ca, open } = await start(t);
  const leaving = dial(port, "127.0.0.1");
  await once(leaving, "connect");
  leaving.end();
  const resetting = dial(port, "127.0.0.1");
  await once(resetting, "connect");
  resetting.resetAndDestroy();
  await once(leaving, "close");
  assert.equal(await answer(port, ca, "hello"), "5");
  for (const deadline = Date.now() + 10_000; (await open()) > 0 && Date.now() < deadline; ) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.equal(await open(), 0);
});
