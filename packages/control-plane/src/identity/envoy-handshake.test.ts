import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { type TestContext, test } from "node:test";
import { connect } from "node:tls";
import { fileURLToPath } from "node:url";
import type { CertificateAuthority } from "./ca.ts";
import { issueLeaf, type Leaf } from "./leaf.ts";
import { trustBundle } from "./mesh-trust.ts";
import { intermediateCa, newCa } from "./testing.ts";
import { randomSerial } from "./x509/serial.ts";

const envoy = fileURLToPath(new URL("../../../../.tools/bin/envoy", import.meta.url));
const skip = existsSync(envoy) ? false : "there is no Envoy in .tools/bin";

function leafOf(ca: CertificateAuthority, uri: string): Promise<Leaf> {
  const serial = randomSerial(randomBytes);
  return issueLeaf(ca, { uris: [uri], ttlMs: 3600_000, now: Date.now(), serial });
}

/** An Envoy that echoes to clients whose certificate the SPIFFE validator accepts for the trust domain `td`. */
async function startEnvoy(t: TestContext, leaf: Leaf, trustPem: string): Promise<number> {
  const bundle = trustBundle(
    [{ trustDomain: "td", caBundles: [{ type: "Pem", pem: { value: trustPem } }] }],
    undefined,
  );
  const type = (name: string): string => `type.googleapis.com/envoy.extensions.${name}`;
  const validator = {
    name: "envoy.tls.cert_validator.spiffe",
    typed_config: {
      "@type": type("transport_sockets.tls.v3.SPIFFECertValidatorConfig"),
      trust_domains: bundle.map(({ name, pem }) => ({ name, trust_bundle: { inline_string: pem } })),
    },
  };
  const certificate = {
    certificate_chain: { inline_string: leaf.certChainPem },
    private_key: { inline_string: leaf.privateKeyPem },
  };
  const tls = {
    "@type": type("transport_sockets.tls.v3.DownstreamTlsContext"),
    require_client_certificate: true,
    common_tls_context: {
      tls_certificates: [certificate],
      validation_context: { custom_validator_config: validator },
    },
  };
  const chain = {
    transport_socket: { name: "tls", typed_config: tls },
    filters: [{ name: "echo", typed_config: { "@type": type("filters.network.echo.v3.Echo") } }],
  };
  const port = await freePort();
  const address = { socket_address: { address: "127.0.0.1", port_value: port } };
  const config = { static_resources: { listeners: [{ name: "in", address, filter_chains: [chain] }] } };
  const args = ["--config-yaml", JSON.stringify(config), "--use-dynamic-base-id", "--concurrency", "1"];
  const child = spawn(envoy, [...args, "-l", "error"], { stdio: "ignore" });
  const ended = new Promise((resolve) => child.on("exit", resolve));
  t.after(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  return port;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** What comes back from the echo, once Envoy listens; or the TLS error. */
async function echo(port: number, leaf: Leaf, ca: string): Promise<string> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    const answer = await new Promise<string>((resolve) => {
      const socket = connect({
        port,
        host: "127.0.0.1",
        ca,
        cert: leaf.certChainPem,
        key: leaf.privateKeyPem,
        checkServerIdentity: () => undefined,
      });
      socket.on("secureConnect", () => socket.write("hello"));
      socket.on("data", (data) => {
        resolve(data.toString());
        socket.destroy();
      });
      socket.on("error", ({ message }) => resolve(message));
      socket.on("close", () => resolve("closed"));
    });
    if (!answer.includes("ECONNREFUSED") || performance.now() > deadline) return answer;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test("Envoy's SPIFFE validator accepts certificates of a self-signed CA", { skip }, async (t) => {
  const ca = await newCa("td");
  const port = await startEnvoy(t, await leafOf(ca, "spiffe://td/server"), ca.trustPem);
  assert.equal(await echo(port, await leafOf(ca, "spiffe://td/client"), ca.certificatePem), "hello");
  const stranger = await leafOf(await newCa("td"), "spiffe://td/client");
  assert.match(await echo(port, stranger, ca.certificatePem), /alert|closed/);
  const foreign = await leafOf(ca, "spiffe://elsewhere/client");
  assert.match(await echo(port, foreign, ca.certificatePem), /alert|closed/);
});

test("Envoy's SPIFFE validator accepts certificates of a CA below a root", { skip }, async (t) => {
  const { ca, rootPem } = await intermediateCa();
  const port = await startEnvoy(t, await leafOf(ca, "spiffe://td/server"), ca.trustPem);
  assert.equal(await echo(port, await leafOf(ca, "spiffe://td/client"), rootPem), "hello");
});

test("Envoy's SPIFFE validator does not accept a trust without root, as the condition says", {
  skip,
}, async (t) => {
  const { ca, rootPem } = await intermediateCa();
  const port = await startEnvoy(t, await leafOf(ca, "spiffe://td/server"), ca.certificatePem);
  assert.match(await echo(port, await leafOf(ca, "spiffe://td/client"), rootPem), /alert|closed/);
});
