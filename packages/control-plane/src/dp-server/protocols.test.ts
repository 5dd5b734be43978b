import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { createGrpcServer } from "../xds/grpc.ts";
import { makeTestCertificate } from "../xds/testing/certificate.ts";
import { connectTls, openCall } from "../xds/testing/grpc-client.ts";
import { createDpServer } from "./dp-server.ts";

async function serve() {
  const { certPem, keyPem } = await makeTestCertificate();
  const grpc = createGrpcServer({ handlers: new Map() });
  const failures: string[] = [];
  const server = createDpServer({
    certPem,
    keyPem,
    minVersion: "TLSv1.2",
    xds: { attach: grpc.attach, streams: 0, close: () => grpc.close(100) },
    bootstrap: () => ({ status: 200, contentType: "text/plain", body: "bootstrap" }),
    drain: async () => ({ status: 200, contentType: "text/plain", body: "drain" }),
    agent: async () => ({ status: 404, contentType: "text/plain", body: "" }),
    log: { error: (_, message) => failures.push(message) },
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    port,
    certPem,
    failures,
    async [Symbol.asyncDispose]() {
      await grpc.close(100);
      server.close();
    },
  };
}

test("gRPC is the xDS server's alone", async () => {
  await using server = await serve();
  const session = connectTls(server.port, server.certPem);
  const call = openCall(session, "/bootstrap");
  await once(call.stream, "close");
  session.destroy();
  assert.deepEqual(call.status, { code: 12, message: "no method /bootstrap here" });
  assert.deepEqual(server.failures, []);
});

test("a gRPC content type over HTTP/1.1, which carries no gRPC, is answered like anything else", async () => {
  await using server = await serve();
  const headers = { "content-type": "application/grpc" };
  const signal = AbortSignal.timeout(5_000);
  const asked = request({
    host: "127.0.0.1",
    port: server.port,
    ca: server.certPem,
    path: "/x",
    method: "POST",
    headers,
    signal,
  });
  asked.end();
  const [answer] = (await once(asked, "response")) as [IncomingMessage];
  answer.resume();
  assert.equal(answer.statusCode, 404);
});
