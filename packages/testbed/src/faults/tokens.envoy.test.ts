import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { MESH_YAML } from "../kong-air/cast.ts";
import { until } from "../poll.ts";
import type { Child } from "../process/child.ts";
import { dataplaneYaml } from "../world/dataplane.ts";
import { sidecarSettings } from "../world/sidecar.ts";
import { createWorld, type World } from "../world/world.ts";
import { type Api, at, createApi, listAt } from "./testing/api.ts";
import { createTestClock, type TestClock } from "./testing/clock.ts";
import { connectBare } from "./testing/simulated.ts";

const UNAUTHENTICATED = 16;
const HOUR = 3_600_000;
const OTHER_MESH = "type: Mesh\nname: other-mesh\nmeshServices: {mode: Exclusive}\n";

let world: World;
let controlPlane: Child;
let api: Api;
let clock: TestClock;

before(async () => {
  world = await createWorld();
  clock = createTestClock(world);
  controlPlane = await world.startControlPlane(clock.settings);
  api = createApi(world.controlPlane.api);
  await world.apply(`${MESH_YAML}---\n${OTHER_MESH}`);
});
after(() => world.stop());

/** How the control plane answers a proxy with a token: what its stream ended with, or that it is served. */
async function answerTo(token: string, name = "web-1"): Promise<string> {
  using proxy = connectBare(world, { name, token });
  return await until(`${name} is answered`, () => {
    if (proxy.ended !== undefined) return `${proxy.ended.code}: ${proxy.ended.message}`;
    return proxy.call.messages.length > 0 && "served";
  });
}

async function assertRefused(token: string, why: RegExp): Promise<void> {
  const answer = await answerTo(token);
  assert.match(answer, new RegExp(`^${UNAUTHENTICATED}: `), answer);
  assert.match(answer, why);
  assert.doesNotMatch(answer, /eyJ/, "a token is repeated in a message");
}

function idOf(token: string): string {
  const [, payload = ""] = token.split(".");
  return String(at(JSON.parse(Buffer.from(payload, "base64url").toString("utf8")), "jti"));
}

const list = (ids: readonly string[]): string => Buffer.from(ids.join(",")).toString("base64");

test("a good token is let in, no token is not", async () => {
  assert.equal(await answerTo(await api.dataplaneToken({ mesh: world.mesh, name: "web-1" })), "served");
  assert.equal(await answerTo(await api.dataplaneToken({ mesh: world.mesh })), "served");
  await assertRefused("", /token is needed/);
});

test("a token of another mesh is refused, and so is one with that mesh's key under our name", async () => {
  const other = await api.dataplaneToken({ mesh: "other-mesh", name: "web-1" });
  await assertRefused(other, /for mesh "other-mesh", and the proxy is in mesh "kong-air-mesh"/);
  const [header = "", payload = "", signature = ""] = other.split(".");
  const claims = JSON.parse(Buffer.from(payload, "base64url").toString("utf8"));
  const forged = Buffer.from(JSON.stringify({ ...claims, Mesh: world.mesh })).toString("base64url");
  await assertRefused([header, forged, signature].join("."), /not signed with the key/);
});

test("a token for another proxy is refused", async () => {
  await assertRefused(await api.dataplaneToken({ mesh: world.mesh, name: "web-2" }), /"web-2".*"web-1"/);
});

test("tokens for other tags and for another workload are refused", async () => {
  await assertRefused(
    await api.dataplaneToken({ mesh: world.mesh, tags: { "kuma.io/service": ["payments"] } }),
    /"kuma.io\/service" with the value "web-1", and the token allows "payments"/,
  );
  await assertRefused(
    await api.dataplaneToken({ mesh: world.mesh, workload: "payments" }),
    /workload "payments"/,
  );
});

test("tokens that are none, or of another kind, are refused", async () => {
  const user = await api.ask("POST", "/tokens/user", { body: { name: "jo", groups: [], validFor: "1h" } });
  const zone = await api.ask("POST", "/tokens/zone", {
    body: { zone: "zone1", scope: ["ingress"], validFor: "1h" },
  });
  assert.deepEqual([user.status, zone.status], [200, 200]);
  for (const token of [user.text.trim(), zone.text.trim()]) await assertRefused(token, /key|token/);
  const good = await api.dataplaneToken({ mesh: world.mesh });
  const [header = "", payload = ""] = good.split(".");
  const none = Buffer.from(JSON.stringify({ alg: "none", kid: "1" })).toString("base64url");
  await assertRefused(`${none}.${payload}.`, /RS256/);
  await assertRefused(`${header}.${payload}.AAAA`, /not signed/);
  await assertRefused("no.token.here", /not a JSON Web Token/);
  await assertRefused("x".repeat(20_000), /longer/);
});

test("a token works until it expires, and is refused afterwards", async () => {
  const token = await api.dataplaneToken({ mesh: world.mesh, validFor: "30m" });
  assert.equal(await answerTo(token), "served");
  await clock.shift(controlPlane, { wallMs: HOUR });
  await assertRefused(token, /the token expired at \d{4}-/);
  await clock.shift(controlPlane, { wallMs: -HOUR });
  await assertRefused(token, /valid only from/);
  await clock.shift(controlPlane, {});
  assert.equal(await answerTo(token), "served");
});

for (const [where, type, pathOf] of [
  ["its mesh", "Secret", (name: string) => `/meshes/${world.mesh}/secrets/${name}`],
  ["all meshes", "GlobalSecret", (name: string) => `/global-secrets/${name}`],
] as const) {
  test(`a token in the revocation list of ${where} is refused from then on, others are not`, async () => {
    const name = `dataplane-token-revocations-${world.mesh}`;
    const [revoked, spared] = [
      await api.dataplaneToken({ mesh: world.mesh }),
      await api.dataplaneToken({ mesh: world.mesh }),
    ];
    assert.equal(await answerTo(revoked), "served");
    const data = list(["00000000-0000-0000-0000-000000000000", ` ${idOf(revoked)}`]);
    const mesh = type === "Secret" ? { mesh: world.mesh } : {};
    await api.put(pathOf(name), { type, ...mesh, name, data });
    await assertRefused(revoked, new RegExp(`revoked in ${type} "${name}"`));
    assert.equal(await answerTo(spared), "served");
    await api.delete(pathOf(name));
    assert.equal(await answerTo(revoked), "served", "no longer on any list");
  });
}

test("a user token is refused once it has expired, and once it is revoked", async () => {
  // Relayed, because whoever asks from this machine itself is the admin.
  const relayed = { "x-forwarded-for": "192.0.2.1" };
  const asUser = async (token: string): Promise<number> =>
    (await api.ask("GET", "/meshes", { headers: { ...relayed, authorization: `Bearer ${token}` } })).status;
  const answer = await api.ask("POST", "/tokens/user", { body: { name: "jo", validFor: "30m" } });
  const token = answer.text.trim();
  assert.equal(await asUser(token), 200);
  await clock.shift(controlPlane, { wallMs: HOUR });
  assert.equal(await asUser(token), 401);
  await clock.shift(controlPlane, {});
  assert.equal(await asUser(token), 200);
  const name = "user-token-revocations";
  await api.put(`/global-secrets/${name}`, { type: "GlobalSecret", name, data: list([idOf(token)]) });
  assert.equal(await asUser(token), 401);
});

test("a launcher whose token is another proxy's does not become ready, and is told why", async () => {
  const host = 40;
  const dir = join(world.site.dir, "wrong");
  const address = world.site.block.address(host);
  mkdirSync(dir);
  const spec = {
    mesh: world.mesh,
    name: "web-9",
    service: "web",
    address,
    appAddress: world.site.block.address(host + 100),
    port: 8080,
    protocol: "http" as const,
    labels: {},
    outbounds: [],
  };
  writeFileSync(join(dir, "dataplane.yaml"), dataplaneYaml(spec));
  writeFileSync(join(dir, "token"), await api.dataplaneToken({ mesh: world.mesh, name: "web-2" }));
  const { dataplanes, caFile } = world.controlPlane;
  const child = await world.startPart("sidecar", "web-9", [
    "/usr/bin/env",
    ...Object.entries(sidecarSettings(dir, address, world.commands)).map(([key, value]) => `${key}=${value}`),
    ...[...world.commands.dataPlane, "run", "--dataplane-file", join(dir, "dataplane.yaml")],
    ...["--dataplane-token-file", join(dir, "token"), "--cp-address", dataplanes, "--ca-cert-file", caFile],
  ]);
  const why = /the token is for the proxy "web-2", and this proxy is "web-9"/;
  await until("the sidecar's log says why", () => why.test(child.tail(100)), { timeoutMs: 20_000 });
  const ready = await fetch(`http://${address}:9902/ready`).then(({ status }) => status);
  assert.equal(ready, 503);
  const proxies = listAt(await api.get(`/meshes/${world.mesh}/dataplanes?name=web-9`), "items");
  assert.deepEqual(proxies, [], "it was not registered");
  await child.stop(5_000);
});
