import assert from "node:assert/strict";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { TLSSocket } from "node:tls";
import { createSandbox, now } from "../testing/run-command.ts";
import { selfSignedCertificate } from "../tokens/self-signed-certificate.ts";

async function startTlsServer(clientCa?: string) {
  const pair = selfSignedCertificate({
    type: "server",
    keyType: "ecdsa",
    hostnames: ["127.0.0.1"],
    nowMs: Date.now(),
  });
  const clients: string[] = [];
  const server = createServer(
    {
      key: pair.key,
      cert: pair.certificate,
      ...(clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true }),
    },
    (request, response) => {
      clients.push(String((request.socket as TLSSocket).getPeerCertificate().subject?.CN ?? ""));
      response.writeHead(200, { "content-type": "application/json" });
      response.end('{"total":0,"items":[],"next":null}');
    },
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    certificate: pair.certificate,
    clients,
    [Symbol.asyncDispose]: (): Promise<void> =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

test("certificates are verified, unless the configuration says otherwise", async () => {
  await using server = await startTlsServer();
  using strict = createSandbox({ url: server.url });
  const refused = await strict.run("get", "meshes");
  assert.equal(refused.code, 1);
  assert.match(
    refused.err,
    /^Error: the certificate of https:.* cannot be trusted \(.*\): name its authority with --ca-cert-file/,
  );
  using lax = createSandbox({ url: server.url, server: { skipVerify: true } });
  assert.equal((await lax.run("get", "meshes")).code, 0);
  const ca = strict.file("ca.pem", server.certificate);
  using trusting = createSandbox({ url: server.url, server: { caCertFile: ca } });
  assert.equal((await trusting.run("get", "meshes")).code, 0);
  using lost = createSandbox({ url: server.url, server: { caCertFile: "/nowhere/ca.pem" } });
  assert.match(
    (await lost.run("get", "meshes")).err,
    /cannot read "\/nowhere\/ca\.pem", which the control plane's configuration names/,
  );
});

test("a client certificate is shown", async () => {
  const client = selfSignedCertificate({ type: "client", keyType: "ecdsa", hostnames: ["ann"], nowMs: now });
  await using server = await startTlsServer(client.certificate);
  using files = createSandbox();
  using sandbox = createSandbox({
    url: server.url,
    server: {
      skipVerify: true,
      clientCertFile: files.file("c.pem", client.certificate),
      clientKeyFile: files.file("c.key", client.key),
    },
  });
  assert.equal((await sandbox.run("get", "meshes")).code, 0);
  assert.ok(server.clients.includes("ann"));
});

test("http spoken to as https is told", async () => {
  const { startFakeControlPlane } = await import("../testing/fake-control-plane.ts");
  await using plain = await startFakeControlPlane({});
  using sandbox = createSandbox({ url: plain.url.replace("http:", "https:") });
  assert.match((await sandbox.run("get", "meshes")).err, /does not speak (TLS|HTTPS) on that port/);
});
