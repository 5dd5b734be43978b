import assert from "node:assert/strict";
import { createPrivateKey, createPublicKey, generateKeyPairSync, verify, X509Certificate } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { test } from "node:test";
import { problem, startFakeControlPlane } from "../testing/fake-control-plane.ts";
import { createSandbox, now } from "../testing/run-command.ts";

test("tokens come from the control plane, printed as they are", async () => {
  await using cp = await startFakeControlPlane({
    "POST /tokens/dataplane": { body: "dp.token" },
    "POST /tokens/zone": { body: "zone.token" },
    "POST /tokens/user": { body: "user.token" },
  });
  using sandbox = createSandbox({ url: cp.url });
  const run = async (line: string) => (await sandbox.run("generate", ...line.split(" "))).out;
  assert.equal(
    await run(
      "dataplane-token -m demo --name web-1 --tag kuma.io/service=web,admin --proxy-type dataplane --valid-for 24h",
    ),
    "dp.token",
  );
  assert.equal(await run("zone-token --zone east --scope ingress,cp --valid-for 30d"), "zone.token");
  assert.equal(
    await run("user-token --name ann --group team-a --group team-b --valid-for 90m"),
    "user.token",
  );
  assert.deepEqual(
    cp.requests.map((request) => request.body),
    [
      {
        mesh: "demo",
        name: "web-1",
        tags: { "kuma.io/service": ["web", "admin"] },
        type: "dataplane",
        workload: "",
        validFor: "24h",
      },
      { zone: "east", scope: ["ingress", "cp"], validFor: "720h" },
      { name: "ann", groups: ["team-a", "team-b"], validFor: "1h30m" },
    ],
  );
});

test("what is wrong with a token request", async () => {
  await using cp = await startFakeControlPlane({
    "POST /tokens/user": problem(403, "Access Denied", "action not allowed"),
  });
  using sandbox = createSandbox({ url: cp.url });
  const cases: readonly (readonly [string, number, RegExp])[] = [
    ["user-token --name ann --valid-for 1h", 1, /^Error: Access Denied \(action not allowed\)\n/],
    ["user-token --name ann", 2, /required option '--valid-for <duration>' not specified/],
    ["user-token --name ann --valid-for soon", 2, /--valid-for "soon" is not a duration/],
    [
      "zone-token --zone a --scope door --valid-for 1h",
      2,
      /--scope "door" must be one of ingress, egress, cp/,
    ],
    ["dataplane-token --valid-for 1h --tag nope", 2, /--tag "nope" must be written key=value/],
    ["user-token --name ann --valid-for 1h --kid 1", 2, /--kid needs --signing-key-path/],
    ["user-token --name ann --valid-for 1h --signing-key-path k", 2, /--signing-key-path needs --kid/],
    [
      "user-token --name ann --valid-for 1h --signing-key-path nowhere --kid 1",
      1,
      /cannot read the signing key/,
    ],
  ];
  for (const [line, code, message] of cases) {
    const outcome = await sandbox.run("generate", ...line.split(" "));
    assert.equal(outcome.code, code, line);
    assert.match(outcome.err, message);
  }
});

test("a signing key signs offline what its public key verifies", async () => {
  using sandbox = createSandbox();
  const encoded = (await sandbox.run("generate", "signing-key")).out;
  const pem = Buffer.from(encoded, "base64").toString("utf8");
  assert.match(pem, /^-----BEGIN RSA PRIVATE KEY-----/);
  const publicPem = (
    await sandbox.run("generate", "public-key", "--signing-key-path", sandbox.file("key.pem", pem))
  ).out;
  assert.match(publicPem, /^-----BEGIN RSA PUBLIC KEY-----/);
  assert.equal(
    (await sandbox.run("generate", "public-key", "--signing-key-path", sandbox.file("key.b64", encoded))).out,
    publicPem,
  );

  const args = "generate zone-token --zone east --valid-for 1h --kid 7 --signing-key-path".split(" ");
  const { code, out } = await sandbox.run(...args, sandbox.path("key.pem"));
  assert.equal(code, 0);
  const [header = "", payload = "", signature = ""] = out.split(".");
  const decode = (part: string): unknown => JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
  assert.deepEqual(decode(header), { alg: "RS256", kid: "7", typ: "JWT" });
  const claims = decode(payload) as Record<string, unknown>;
  assert.match(String(claims.jti), /^[0-9a-f-]{36}$/);
  assert.deepEqual(
    { ...claims, jti: "" },
    {
      Zone: "east",
      Scope: ["ingress", "egress"],
      exp: now / 1_000 + 3_600,
      nbf: now / 1_000 - 5,
      iat: now / 1_000 - 5,
      jti: "",
    },
  );
  const isValid = verify(
    "sha256",
    Buffer.from(`${header}.${payload}`),
    createPublicKey(publicPem),
    Buffer.from(signature, "base64url"),
  );
  assert.equal(isValid, true);
});

test("keys that cannot sign tokens are refused", async () => {
  using sandbox = createSandbox();
  const ec = generateKeyPairSync("ec", { namedCurve: "P-256" })
    .privateKey.export({ type: "pkcs8", format: "pem" })
    .toString();
  const wrongKind = await sandbox.run(
    "generate",
    "public-key",
    "--signing-key-path",
    sandbox.file("ec.pem", ec),
  );
  assert.match(wrongKind.err, /holds an ec key; tokens are signed with RSA keys/);
  const noKey = await sandbox.run(
    "generate",
    "public-key",
    "--signing-key-path",
    sandbox.file("x.pem", "hello"),
  );
  assert.match(noKey.err, /does not hold a private key in PEM/);
  assert.match(
    (await sandbox.run("generate", "signing-key", "--format", "der")).err,
    /must be one of pem, pem-base64/,
  );
});

for (const keyType of ["rsa", "ecdsa"]) {
  test(`a self-signed ${keyType} certificate fits its key and hosts`, async () => {
    using sandbox = createSandbox();
    const key = sandbox.path("tls.key");
    const cert = sandbox.path("tls.crt");
    const { code, out } = await sandbox.run(
      ...[
        "generate",
        "tls-certificate",
        "--type=server",
        "--hostname=cp.example,127.0.0.1,fd00::1:2",
        `--key-type=${keyType}`,
      ],
      ...[`--key-file=${key}`, `--cert-file=${cert}`],
    );
    assert.deepEqual([code, out], [0, `Private key saved in ${key}\nCertificate saved in ${cert}\n`]);
    const certificate = new X509Certificate(readFileSync(cert));
    assert.equal(certificate.checkPrivateKey(createPrivateKey(readFileSync(key))), true);
    assert.equal(certificate.checkHost("cp.example"), "cp.example");
    assert.equal(certificate.checkIP("127.0.0.1"), "127.0.0.1");
    assert.equal(certificate.checkIP("fd00::1:2"), "fd00::1:2");
    assert.deepEqual(certificate.keyUsage, ["1.3.6.1.5.5.7.3.1"]);
    assert.equal(Date.parse(certificate.validTo), now + 3_650 * 86_400_000);
    assert.equal(certificate.verify(certificate.publicKey), true);
    assert.equal(statSync(key).mode & 0o777, 0o600);
  });
}

test("certificates to stdout, and what they need", async () => {
  using sandbox = createSandbox();
  const both = await sandbox.run(
    ..."generate tls-certificate --type=client --hostname=ann --key-type=ecdsa --key-file=- --cert-file=-".split(
      " ",
    ),
  );
  assert.match(
    both.out,
    /^-----BEGIN PRIVATE KEY-----[\s\S]+-----BEGIN CERTIFICATE-----[\s\S]+-----END CERTIFICATE-----\n$/,
  );
  const noHost = await sandbox.run(..."generate tls-certificate --type=client".split(" "));
  assert.deepEqual([noHost.code, /--hostname must name at least one host/.test(noHost.err)], [2, true]);
  assert.match(
    (await sandbox.run(..."generate tls-certificate --type=peer --hostname a".split(" "))).err,
    /must be one of client, server/,
  );
});
