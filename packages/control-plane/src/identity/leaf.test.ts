import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createPrivateKey, randomBytes, X509Certificate } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { connect, createServer, type TLSSocket } from "node:tls";
import type { CertificateAuthority } from "./ca.ts";
import { issueLeaf, type Leaf } from "./leaf.ts";
import { intermediateCa as intermediate, newCa } from "./testing.ts";
import { randomSerial } from "./x509/serial.ts";

const now = Math.floor(Date.now() / 1000) * 1000;
const hourMs = 3600_000;

function leafOf(ca: CertificateAuthority, uris: readonly string[], ttlMs = hourMs, at = now): Promise<Leaf> {
  return issueLeaf(ca, { uris, ttlMs, now: at, serial: randomSerial(randomBytes) });
}

test("a leaf has no subject, its URIs in order, its serial, and is valid from ten seconds ago", async () => {
  const ca = await newCa("td", now);
  const leaf = await leafOf(ca, ["spiffe://td/b", "kuma://tag/a"]);
  const certificate = new X509Certificate(leaf.certChainPem);
  const issuer = new X509Certificate(ca.certificatePem);
  assert.equal(certificate.subject ?? "", "");
  assert.equal(certificate.subjectAltName, "URI:spiffe://td/b, URI:kuma://tag/a");
  assert.equal(certificate.serialNumber, leaf.serial.toUpperCase());
  assert.equal(certificate.validFromDate.getTime(), now - 10_000);
  assert.equal(certificate.validToDate.getTime(), now + hourMs);
  assert.deepEqual(certificate.keyUsage, ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"]);
  assert.ok(!certificate.ca);
  assert.ok(certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey));
  assert.ok(certificate.checkPrivateKey(createPrivateKey(leaf.privateKeyPem)));
  assert.equal(certificate.publicKey.asymmetricKeyDetails?.namedCurve, "prime256v1");
});

test("a leaf is never valid when its CA is not", async () => {
  const { ca } = await intermediate();
  const leaf = await leafOf(ca, ["spiffe://td/a"], 24 * hourMs);
  assert.equal(leaf.notBefore, ca.notBefore);
  assert.equal(leaf.notAfter, ca.notAfter);
  await assert.rejects(leafOf(ca, ["spiffe://td/a"], hourMs, ca.notAfter), /expired/);
  await assert.rejects(leafOf(ca, ["spiffe://td/a"], hourMs, ca.notBefore - 1), /valid only from/);
});

test("a leaf needs a URI that is one", async () => {
  const ca = await newCa("td", now);
  await assert.rejects(leafOf(ca, []), TypeError);
  await assert.rejects(leafOf(ca, ["spiffe://td/a b"]), TypeError);
});

test("openssl verifies a leaf below a root and below an intermediate", async (t) => {
  try {
    execFileSync("openssl", ["version"]);
  } catch {
    t.skip("there is no openssl on this machine");
    return;
  }
  const dir = mkdtempSync(join(tmpdir(), "skein-leaf-"));
  t.after(() => rmSync(dir, { recursive: true }));
  const below = await intermediate();
  const root = await newCa("td", now);
  const cases = [
    { anchor: root.certificatePem, leaf: await leafOf(root, ["spiffe://td/a"]) },
    { anchor: below.rootPem, leaf: await leafOf(below.ca, ["spiffe://td/a"]) },
  ];
  for (const { anchor, leaf } of cases) {
    writeFileSync(join(dir, "anchor.pem"), anchor);
    writeFileSync(join(dir, "leaf.pem"), leaf.certChainPem);
    for (const purpose of ["sslserver", "sslclient"]) {
      const args = ["verify", "-x509_strict", "-purpose", purpose, "-CAfile", "anchor.pem"];
      const out = execFileSync("openssl", [...args, "-untrusted", "leaf.pem", "leaf.pem"], { cwd: dir });
      assert.match(out.toString(), /leaf\.pem: OK/);
    }
  }
});

test("two workloads shake hands, each with its own certificate", async (t) => {
  const { ca, rootPem } = await intermediate();
  const serverLeaf = await leafOf(ca, ["spiffe://td/server"]);
  const clientLeaf = await leafOf(ca, ["spiffe://td/client"]);
  const stranger = await leafOf(await newCa("td", now), ["spiffe://td/client"]);
  const seen: string[] = [];
  const server = createServer(
    {
      cert: serverLeaf.certChainPem,
      key: serverLeaf.privateKeyPem,
      ca: rootPem,
      requestCert: true,
      minVersion: "TLSv1.3",
    },
    (socket: TLSSocket) => {
      seen.push(socket.getPeerCertificate().subjectaltname ?? "none");
      socket.end("hello");
    },
  );
  t.after(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;

  const dial = (leaf: Leaf): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = connect({
        port,
        host: "127.0.0.1",
        ca: rootPem,
        cert: leaf.certChainPem,
        key: leaf.privateKeyPem,
        checkServerIdentity: (_host, certificate) =>
          certificate.subjectaltname === "URI:spiffe://td/server" ? undefined : new Error("another server"),
      });
      socket.on("data", (data) => resolve(data.toString()));
      socket.on("error", reject);
      socket.on("close", () => reject(new Error("closed")));
    });
  assert.equal(await dial(clientLeaf), "hello");
  await assert.rejects(dial(stranger));
  assert.deepEqual(seen, ["URI:spiffe://td/client"]);
});

test("a leaf takes less than two milliseconds of processor time", async () => {
  const ca = await newCa("td", now);
  for (let warmUp = 0; warmUp < 50; warmUp++) await leafOf(ca, ["spiffe://td/a"]);
  const before = process.cpuUsage();
  for (let count = 0; count < 200; count++) await leafOf(ca, ["spiffe://td/a"]);
  const { user, system } = process.cpuUsage(before);
  const each = (user + system) / 1000 / 200;
  assert.ok(each < 2, `${each.toFixed(2)} ms each`);
});
