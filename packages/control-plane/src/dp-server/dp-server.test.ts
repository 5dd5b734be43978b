import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { connect } from "node:tls";
import { Worker } from "node:worker_threads";
import { collectGarbage } from "../collect-garbage.ts";
import { makeTestCertificate } from "../xds/testing/certificate.ts";
import { createDpServer } from "./dp-server.ts";

/** Bytes of buffers that a connection may keep; a slab has 65,536. */
const LITTLE = 8_000;

async function start(t: TestContext): Promise<{ readonly port: number; readonly ca: string }> {
  const { certPem, keyPem } = await makeTestCertificate();
  const nothing = { status: 404, contentType: "text/plain", body: "" };
  const server = createDpServer({
    certPem,
    keyPem,
    minVersion: "TLSv1.2",
    xds: { attach: () => undefined, streams: 0, close: async () => undefined },
    bootstrap: () => nothing,
    drain: async () => nothing,
    agent: async () => nothing,
    log: { error: () => undefined },
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return { port: (server.address() as AddressInfo).port, ca: certPem };
}

async function agreed(port: number, ca: string, ALPNProtocols: string[]): Promise<string | false | null> {
  const socket = connect({ port, host: "127.0.0.1", ca, ALPNProtocols });
  try {
    await once(socket, "secureConnect");
    return socket.alpnProtocol;
  } finally {
    socket.destroy();
  }
}

test("HTTP/2 is preferred, HTTP/1.1 is there, and who speaks neither is refused", async (t) => {
  const { port, ca } = await start(t);
  assert.equal(await agreed(port, ca, ["h2"]), "h2");
  assert.equal(await agreed(port, ca, ["http/1.1"]), "http/1.1");
  assert.equal(await agreed(port, ca, ["http/1.1", "h2"]), "h2");
  await assert.rejects(agreed(port, ca, ["spdy/3"]), { code: "ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL" });
});

test("a connection keeps no slab of the buffer pool", async (t) => {
  const { port, ca } = await start(t);
  collectGarbage();
  const before = process.memoryUsage().arrayBuffers;
  const count = 60;
  const clients = new Worker(new URL("./testing/clients.ts", import.meta.url), {
    workerData: { port, ca, count },
  });
  // What a control plane does meanwhile: small buffers that are soon let go.
  const busy = setInterval(() => {
    for (let i = 0; i < 40; i++) Buffer.from("x".repeat(4_000));
  }, 1);
  t.after(() => clearInterval(busy));
  await once(clients, "message");
  clearInterval(busy);
  let each = Number.POSITIVE_INFINITY;
  for (const deadline = Date.now() + 5_000; each >= LITTLE && Date.now() < deadline; ) {
    collectGarbage();
    await delay(20);
    each = (process.memoryUsage().arrayBuffers - before) / count;
  }
  clients.postMessage("end");
  await once(clients, "exit");
  assert.ok(each < LITTLE, `${Math.round(each)} bytes of buffers for each connection`);
});
