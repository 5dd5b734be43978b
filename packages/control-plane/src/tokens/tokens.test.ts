import assert from "node:assert/strict";
import { createPrivateKey, createPublicKey } from "node:crypto";
import { test } from "node:test";
import { decodeJwt, decodeProtectedHeader, SignJWT } from "jose";
import { globalSecretKey, secretKey } from "../identity/secrets.ts";
import {
  defaultTokenLifetimeMs,
  issueDataplaneToken,
  issueUserToken,
  issueZoneToken,
  signToken,
} from "./issue.ts";
import { loadOfflineKeys } from "./offline-keys.ts";
import { generateRsaKeyPem } from "./rsa-keys.ts";
import { type TokenWorld, tokenWorld } from "./testing.ts";
import { dataplaneTokens, userTokens, zoneTokens } from "./token-family.ts";

const hourMs = 3600_000;
const pem = await generateRsaKeyPem();
const privateKey = createPrivateKey(pem);

async function world(): Promise<TokenWorld> {
  const made = await tokenWorld();
  await made.put(secretKey("default", "dataplane-token-signing-key-default-1"), pem);
  await made.put(globalSecretKey("zone-token-signing-key-1"), pem);
  await made.put(globalSecretKey("user-token-signing-key-1"), pem);
  return made;
}

function unwrap<Value>(outcome: { ok: true; value: Value } | { ok: false; error: unknown }): Value {
  assert.ok(outcome.ok, JSON.stringify(outcome));
  return outcome.value;
}

function codeOf(outcome: { ok: true } | { ok: false; error: { code: string } }): string {
  return outcome.ok ? "none" : outcome.error.code;
}

test("tokens have exactly the header and claims of the field", async () => {
  const { issuer, clock } = await world();
  const now = clock.now / 1000;
  const dataplane = unwrap(
    await issueDataplaneToken(issuer, { mesh: "default", name: "web-1", tags: { version: ["v1"] } }),
  );
  assert.deepEqual(decodeProtectedHeader(dataplane), { alg: "RS256", kid: "1", typ: "JWT" });
  const { jti, ...claims } = decodeJwt(dataplane);
  assert.match(jti ?? "", /^[0-9a-f-]{36}$/);
  assert.deepEqual(claims, {
    Name: "web-1",
    Mesh: "default",
    Tags: { version: ["v1"] },
    Type: "",
    Workload: "",
    iat: now - 5,
    nbf: now - 5,
    exp: now + defaultTokenLifetimeMs / 1000,
  });
  const zone = decodeJwt(
    unwrap(await issueZoneToken(issuer, { zone: "east", scope: ["egress"], validForMs: hourMs })),
  );
  assert.deepEqual([zone.Zone, zone.Scope, zone.exp], ["east", ["egress"], now + 3600]);
  const user = decodeJwt(unwrap(await issueUserToken(issuer, { name: "kim", validForMs: hourMs })));
  assert.deepEqual([user.Name, user.Groups], ["kim", []]);
});

test("issued tokens are accepted, with what they say", async () => {
  const { issuer, validator } = await world();
  const dataplane = await issueDataplaneToken(issuer, {
    mesh: "default",
    workload: "web",
    type: "dataplane",
  });
  assert.deepEqual(unwrap(await validator.dataplane(unwrap(dataplane), "default")), {
    Name: "",
    Mesh: "default",
    Tags: {},
    Type: "dataplane",
    Workload: "web",
  });
  const zone = unwrap(await issueZoneToken(issuer, { scope: ["ingress"] }));
  assert.deepEqual(unwrap(await validator.zone(zone)), { Zone: "", Scope: ["ingress"] });
  const user = unwrap(await issueUserToken(issuer, { name: "kim", groups: ["g"], validForMs: hourMs }));
  assert.deepEqual(unwrap(await validator.user(user)), { Name: "kim", Groups: ["g"] });
});

test("what cannot be issued is told with its field, and a missing key is its own case", async () => {
  const { issuer } = await tokenWorld();
  assert.equal(codeOf(await issueDataplaneToken(issuer, { mesh: "default" })), "signing-key-not-found");
  const errorOf = async (work: Promise<{ ok: boolean; error?: { field?: string } }>): Promise<unknown> =>
    (await work).error?.field;
  assert.equal(await errorOf(issueDataplaneToken(issuer, { mesh: "" })), "mesh");
  assert.equal(await errorOf(issueDataplaneToken(issuer, { mesh: "m", type: "proxy" })), "type");
  assert.equal(await errorOf(issueUserToken(issuer, { name: "", validForMs: 1 })), "name");
  assert.equal(await errorOf(issueUserToken(issuer, { name: "kim", validForMs: 0 })), "validFor");
  assert.equal(await errorOf(issueZoneToken(issuer, { scope: [], validForMs: Number.NaN })), "validFor");
});

test("each way in which a token is not accepted has its own error", async () => {
  const { issuer, validator, clock, put } = await world();
  const token = unwrap(await issueDataplaneToken(issuer, { mesh: "default", validForMs: hourMs }));
  const check = async (text: string, mesh = "default"): Promise<string> =>
    codeOf(await validator.dataplane(text, mesh));
  const sign = (claims: Record<string, unknown>, kid = "1", key = privateKey): Promise<string> =>
    signToken(claims, { privateKey: key, kid, jti: "j", now: clock.now, validForMs: hourMs });
  assert.equal(await check(token), "none");
  assert.equal(await check(token, "other"), "wrong-mesh");
  assert.equal(await check(""), "malformed");
  assert.equal(await check("a.b.c"), "malformed");
  assert.equal(await check("x".repeat(100_000)), "malformed");
  assert.equal(await check(`${token.slice(0, -6)}AAAAAA`), "bad-signature");
  const [header, payload, signature] = token.split(".");
  const forged = Buffer.from(JSON.stringify({ ...decodeJwt(token), Name: "admin" })).toString("base64url");
  assert.equal(await check(`${header}.${forged}.${signature}`), "bad-signature");
  const none = Buffer.from('{"alg":"none","kid":"1"}').toString("base64url");
  assert.equal(await check(`${none}.${payload}.`), "wrong-algorithm");
  const publicPem = createPublicKey(privateKey).export({ type: "pkcs1", format: "pem" });
  const confused = await new SignJWT({ Mesh: "default" })
    .setProtectedHeader({ alg: "HS256", kid: "1" })
    .sign(Buffer.from(publicPem));
  assert.equal(await check(confused), "wrong-algorithm");
  const noKid = await new SignJWT({ Mesh: "default" }).setProtectedHeader({ alg: "RS256" }).sign(privateKey);
  assert.equal(await check(noKid), "missing-kid");
  assert.equal(await check(await sign({ Mesh: "default" }, "7")), "unknown-kid");
  const stranger = createPrivateKey(await generateRsaKeyPem());
  assert.equal(await check(await sign({ Mesh: "default" }, "1", stranger)), "bad-signature");
  assert.equal(await check(await sign({ Name: "x" })), "invalid-claims");
  assert.equal(await check(await sign({ Mesh: "default", Tags: { a: "b" } })), "invalid-claims");
  await put(secretKey("default", "dataplane-token-signing-key-default-8"), "nonsense");
  assert.equal(await check(await sign({ Mesh: "default" }, "8")), "key-unusable");
  clock.now -= hourMs;
  assert.equal(await check(token), "not-yet-valid");
  clock.now += 2 * hourMs;
  assert.equal(await check(token), "expired");
});

test("a token of one kind is none of another kind, even when the same key signs both", async () => {
  const { issuer, validator } = await world();
  const user = unwrap(await issueUserToken(issuer, { name: "kim", validForMs: hourMs }));
  const zone = unwrap(await issueZoneToken(issuer, { scope: ["ingress"] }));
  const dataplane = unwrap(await issueDataplaneToken(issuer, { mesh: "default", name: "web" }));
  assert.equal(codeOf(await validator.dataplane(user, "default")), "invalid-claims");
  assert.equal(codeOf(await validator.zone(dataplane)), "invalid-claims");
  assert.equal(codeOf(await validator.user(dataplane)), "invalid-claims");
  assert.equal(codeOf(await validator.user(zone)), "invalid-claims");
});

test("tokens that other tools signed may leave claims out or have null in them", async () => {
  const { validator, clock } = await world();
  const claims = { Name: "", Mesh: "default", Tags: null };
  const token = await signToken(claims, {
    privateKey,
    kid: "1",
    jti: "j",
    now: clock.now,
    validForMs: hourMs,
  });
  assert.deepEqual(unwrap(await validator.dataplane(token, "default")).Tags, {});
});

test("a key with leading zeros in its name issues tokens that verify", async () => {
  const { issuer, validator, put } = await tokenWorld();
  await put(globalSecretKey("user-token-signing-key-0002"), pem);
  const token = unwrap(await issueUserToken(issuer, { name: "kim", validForMs: hourMs }));
  assert.equal(decodeProtectedHeader(token).kid, "2");
  assert.equal(codeOf(await validator.user(token)), "none");
});

for (const list of [
  secretKey("default", "dataplane-token-revocations-default"),
  globalSecretKey("dataplane-token-revocations-default"),
]) {
  test(`a token in the ${list.type} of revocations is refused at once, also when it was accepted before`, async () => {
    const { issuer, validator, put, secrets } = await world();
    const token = unwrap(await issueDataplaneToken(issuer, { mesh: "default" }));
    assert.equal(codeOf(await validator.dataplane(token, "default")), "none");
    await put(list, `other-id, ${decodeJwt(token).jti}\n`);
    assert.equal(codeOf(await validator.dataplane(token, "default")), "revoked");
    await put(list, "other-id");
    assert.equal(codeOf(await validator.dataplane(token, "default")), "none");
    await put(list, "skein-sealed:v1:gone:AAAA");
    assert.equal(
      codeOf(await validator.dataplane(token, "default")),
      "revoked",
      "an unreadable list is no pass",
    );
    await secrets.store.write([{ op: "delete", key: list }]);
    assert.equal(codeOf(await validator.dataplane(token, "default")), "none");
  });
}

test("user and zone tokens have lists of their own", async () => {
  const { issuer, validator, put } = await world();
  const user = unwrap(await issueUserToken(issuer, { name: "kim", validForMs: hourMs }));
  const zone = unwrap(await issueZoneToken(issuer, { scope: [] }));
  await put(globalSecretKey("user-token-revocations"), `${decodeJwt(user).jti}`);
  await put(globalSecretKey("zone-token-revocations"), `${decodeJwt(zone).jti}`);
  assert.equal(codeOf(await validator.user(user)), "revoked");
  assert.equal(codeOf(await validator.zone(zone)), "revoked");
});

test("rotation: tokens of the old key hold until the key is deleted, also when they were accepted before", async () => {
  const { issuer, validator, put, secrets } = await world();
  const old = unwrap(await issueUserToken(issuer, { name: "kim", validForMs: hourMs }));
  await put(globalSecretKey("user-token-signing-key-2"), await generateRsaKeyPem());
  const renewed = unwrap(await issueUserToken(issuer, { name: "kim", validForMs: hourMs }));
  assert.equal(decodeProtectedHeader(renewed).kid, "2");
  assert.deepEqual(
    [codeOf(await validator.user(old)), codeOf(await validator.user(renewed))],
    ["none", "none"],
  );
  await secrets.store.write([{ op: "delete", key: globalSecretKey("user-token-signing-key-1") }]);
  assert.deepEqual(
    [codeOf(await validator.user(old)), codeOf(await validator.user(renewed))],
    ["unknown-kid", "none"],
  );
  await put(globalSecretKey("user-token-signing-key-2"), await generateRsaKeyPem());
  assert.equal(codeOf(await validator.user(renewed)), "bad-signature");
});

test("a remembered token expires and is not valid before its time", async () => {
  const { issuer, validator, clock } = await world();
  const token = unwrap(await issueUserToken(issuer, { name: "kim", validForMs: hourMs }));
  assert.equal(codeOf(await validator.user(token)), "none");
  clock.now += hourMs - 1000;
  assert.equal(codeOf(await validator.user(token)), "none");
  clock.now += 1000;
  assert.equal(codeOf(await validator.user(token)), "expired");
  clock.now -= 2 * hourMs;
  assert.equal(codeOf(await validator.user(token)), "not-yet-valid");
});

test("offline keys verify what their owner signed, for their mesh; secrets can be left out", async () => {
  const publicPem = createPublicKey(privateKey).export({ type: "pkcs1", format: "pem" }).toString();
  const readFile = async (): Promise<string> => publicPem;
  const offlineKeys = unwrap(
    await loadOfflineKeys(
      [
        { kid: "prod", key: publicPem, mesh: "default" },
        { kid: "all", keyFile: "/key.pub" },
      ],
      readFile,
    ),
  );
  const { validator, issuer, clock, put } = await tokenWorld({ offlineKeys, useSecrets: false });
  const sign = (kid: string, Mesh: string): Promise<string> =>
    signToken({ Mesh }, { privateKey, kid, jti: "j", now: clock.now, validForMs: hourMs });
  assert.equal(codeOf(await validator.dataplane(await sign("prod", "default"), "default")), "none");
  assert.equal(codeOf(await validator.dataplane(await sign("prod", "other"), "other")), "unknown-kid");
  assert.equal(codeOf(await validator.dataplane(await sign("all", "other"), "other")), "none");
  await put(globalSecretKey("user-token-signing-key-1"), pem);
  const token = unwrap(await issueUserToken(issuer, { name: "kim", validForMs: hourMs }));
  assert.equal(codeOf(await validator.user(token)), "unknown-kid");
  await put(globalSecretKey("dataplane-token-revocations-default"), "j");
  assert.equal(codeOf(await validator.dataplane(await sign("prod", "default"), "default")), "revoked");
});

test("offline keys that cannot be used are told at start", async () => {
  const errorOf = async (config: { kid: string; key?: string; keyFile?: string }): Promise<string> => {
    const keys = await loadOfflineKeys([config], async () => Promise.reject(new Error("ENOENT")));
    return keys.ok ? "none" : keys.error;
  };
  assert.match(await errorOf({ kid: "", key: "x" }), /publicKeys\[0\]\.kid cannot be empty/);
  assert.match(await errorOf({ kid: "1" }), /needs key or keyFile/);
  assert.match(await errorOf({ kid: "1", key: "x", keyFile: "y" }), /both key and keyFile/);
  assert.match(await errorOf({ kid: "1", keyFile: "/no" }), /keyFile cannot be read: ENOENT/);
  assert.match(await errorOf({ kid: "1", key: pem }), /it is a private key/);
});

test("2,000 proxies that reconnect with tokens seen before cost next to nothing", async () => {
  const { issuer, validator } = await world();
  const names = Array.from({ length: 100 }, (_each, index) => `web-${index}`);
  const tokens = await Promise.all(
    names.map((name) => issueDataplaneToken(issuer, { mesh: "default", name })),
  );
  const all = tokens.map(unwrap);
  for (const token of all) await validator.dataplane(token, "default");
  const before = process.cpuUsage();
  for (let round = 0; round < 20; round++) {
    for (const token of all) assert.ok((await validator.dataplane(token, "default")).ok);
  }
  const { user, system } = process.cpuUsage(before);
  const ms = (user + system) / 1000;
  assert.ok(ms < 100, `${ms} ms`);
});

test("the families are those of the peer", () => {
  assert.equal(dataplaneTokens("m").signingPrefix, "dataplane-token-signing-key-m");
  assert.equal(zoneTokens.signingPrefix, "zone-token-signing-key");
  assert.equal(userTokens.signingPrefix, "user-token-signing-key");
});
