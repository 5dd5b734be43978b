import assert from "node:assert/strict";
import { randomBytes, X509Certificate } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { connect, createServer } from "node:tls";
import { localHosts } from "./local-hosts.ts";
import { ensureSelfSignedServer, generatedPaths, readServerCertificate } from "./self-signed.ts";

const now = Date.now();
const tenYearsMs = 3650 * 24 * 3600_000;
const server = { hosts: ["cp.example", "10.1.2.3", "fd00::7"], now, random: randomBytes };

async function workDir(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "skein-tls-"));
  t.after(() => rm(dir, { recursive: true }));
  return dir;
}

test("the certificate is made once, for all names, with a private key that only its owner reads", async (t) => {
  const dir = join(await workDir(t), "below", "it");
  const made = await ensureSelfSignedServer(dir, server);
  assert.ok(made.ok, JSON.stringify(made));
  const again = await ensureSelfSignedServer(dir, { ...server, hosts: [] });
  assert.deepEqual(again, made);
  const certificate = new X509Certificate(made.value.certPem);
  assert.ok(certificate.ca);
  assert.equal(
    certificate.subjectAltName,
    "DNS:cp.example, IP Address:10.1.2.3, IP Address:FD00:0:0:0:0:0:0:7, DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1",
  );
  assert.ok(certificate.validToDate.getTime() > now + tenYearsMs - 60_000);
  assert.equal(certificate.publicKey.asymmetricKeyDetails?.namedCurve, "prime256v1");
  const { keyPath } = generatedPaths(dir);
  assert.equal((await stat(keyPath)).mode & 0o777, 0o600);
  assert.deepEqual((await readdir(dir)).sort(), ["kuma-cp.crt", "kuma-cp.key"]);
});

test("control planes that start at the same time use one certificate", async (t) => {
  const dir = await workDir(t);
  const made = await Promise.all(Array.from({ length: 8 }, () => ensureSelfSignedServer(dir, server)));
  assert.ok(made.every(({ ok }) => ok));
  assert.equal(new Set(made.map((each) => JSON.stringify(each))).size, 1);
  assert.deepEqual((await readdir(dir)).sort(), ["kuma-cp.crt", "kuma-cp.key"]);
});

test("after a crash between the two files the key that is there gets a certificate", async (t) => {
  const dir = await workDir(t);
  const { certPath, keyPath } = generatedPaths(dir);
  assert.ok((await ensureSelfSignedServer(dir, server)).ok);
  const key = await readFile(keyPath, "utf8");
  await rm(certPath);
  const made = await ensureSelfSignedServer(dir, server);
  assert.ok(made.ok);
  assert.equal(made.value.keyPem, key);
});

test("files that cannot serve are named, and left alone", async (t) => {
  const dir = await workDir(t);
  const { certPath, keyPath } = generatedPaths(dir);
  const errorOf = async (at = now): Promise<string> => {
    const pair = await ensureSelfSignedServer(dir, { ...server, now: at });
    return pair.ok ? "none" : pair.error;
  };
  assert.equal(await errorOf(), "none");
  assert.match(await errorOf(now + 2 * tenYearsMs), /kuma-cp\.crt expired at .*; delete/);
  assert.match(await errorOf(now - tenYearsMs), /valid only from/);
  const key = await readFile(keyPath, "utf8");
  await rm(keyPath);
  assert.match(await errorOf(), /kuma-cp\.crt exists without .*kuma-cp\.key/);
  await writeFile(keyPath, "garbage");
  assert.match(await errorOf(), /kuma-cp\.key is not an unencrypted private key/);
  await writeFile(keyPath, key);
  const cert = await readFile(certPath, "utf8");
  await writeFile(certPath, cert.slice(0, 100));
  assert.match(await errorOf(), /kuma-cp\.crt is not a certificate/);
  assert.equal((await readFile(certPath, "utf8")).length, 100);
  const other = await workDir(t);
  assert.ok((await ensureSelfSignedServer(other, server)).ok);
  await writeFile(certPath, await readFile(generatedPaths(other).certPath));
  assert.match(await errorOf(), /does not belong to the certificate/);
  await writeFile(join(dir, "file"), "");
  const below = await ensureSelfSignedServer(join(dir, "file", "x"), server);
  assert.ok(!below.ok);
});

test("configured files are read and checked, never made", async (t) => {
  const dir = await workDir(t);
  const paths = { certPath: join(dir, "my.crt"), keyPath: join(dir, "my.key") };
  const absent = await readServerCertificate(paths, now);
  assert.ok(!absent.ok);
  assert.match(absent.error, /my\.crt cannot be read: ENOENT/);
  const made = await ensureSelfSignedServer(dir, server);
  assert.ok(made.ok);
  await writeFile(paths.certPath, made.value.certPem);
  await writeFile(paths.keyPath, made.value.keyPem);
  assert.deepEqual(await readServerCertificate(paths, now), made);
});

test("a client that trusts the certificate reaches the server by address and by name", async (t) => {
  const made = await ensureSelfSignedServer(await workDir(t), server);
  assert.ok(made.ok);
  const { certPem, keyPem } = made.value;
  const listener = createServer({ cert: certPem, key: keyPem }, (socket) => socket.end("hello"));
  t.after(() => listener.close());
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const { port } = listener.address() as AddressInfo;
  for (const servername of ["127.0.0.1", "localhost", "cp.example"]) {
    const host = servername === "127.0.0.1" ? {} : { servername };
    const answer = await new Promise((resolve, reject) => {
      const socket = connect({ port, host: "127.0.0.1", ca: certPem, ...host });
      socket.on("data", (data) => resolve(data.toString()));
      socket.on("error", reject);
    });
    assert.equal(answer, "hello");
  }
});

test("a machine's names are its host name and its addresses, without link-local ones", () => {
  const interfaces = {
    lo: [{ address: "127.0.0.1" }, { address: "::1" }],
    eth0: [{ address: "10.0.0.5" }, { address: "fe80::1" }, { address: "fd00::5" }],
    gone: undefined,
  };
  assert.deepEqual(localHosts("cp-1", interfaces), ["cp-1", "127.0.0.1", "::1", "10.0.0.5", "fd00::5"]);
});
