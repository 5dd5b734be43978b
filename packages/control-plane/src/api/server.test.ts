import assert from "node:assert/strict";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { Registry } from "prom-client";
import { createSelfSignedServer } from "../tls/self-signed.ts";
import { BODY_LIMIT } from "./body.ts";
import { createDiagnostics } from "./diagnostics.ts";
import { createApi } from "./server.ts";
import { createWorld, meshTimeout, seed, type WorldOptions } from "./testing/world.ts";

async function listening(t: TestContext, options: WorldOptions = {}) {
  const world = createWorld(options);
  await seed(world.store, { type: "Mesh", name: "default" });
  const url = await world.app.listen({ host: "127.0.0.1", port: 0 });
  t.after(() => world.app.close());
  return { world, url };
}

const json = { "content-type": "application/json" };

test("serves over loopback, and the caller there is the admin", async (t) => {
  const { url } = await listening(t);
  const who = await fetch(`${url}/who-am-i`);
  assert.deepEqual(await who.json(), {
    name: "mesh-system:admin",
    groups: ["mesh-system:admin", "mesh-system:authenticated"],
  });
  const relayed = await fetch(`${url}/who-am-i`, { headers: { "x-forwarded-for": "192.0.2.1" } });
  assert.deepEqual(await relayed.json(), {
    name: "mesh-system:anonymous",
    groups: ["mesh-system:unauthenticated"],
  });
  const link = await fetch(`${url}/hostnamegenerators?size=1`);
  assert.equal(link.status, 200);
});

test("serves HTTPS with the given certificate, and says so in links", async () => {
  const { privateKey } = generateKeyPairSync("ec", {
    namedCurve: "P-256",
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
  const cert = await createSelfSignedServer(
    { hosts: ["127.0.0.1"], now: Date.now(), random: randomBytes },
    privateKey,
  );
  const { deps, store } = createWorld();
  await seed(store, { type: "Mesh", name: "a" }, { type: "Mesh", name: "b" });
  const app = createApi(deps, { tls: { key: privateKey, cert } });
  const url = await app.listen({ host: "127.0.0.1", port: 0 });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  httpsRequest(`${url}/meshes?size=1`, { ca: cert }, async (answer) => resolve(await text(answer)))
    .on("error", reject)
    .end();
  assert.match(JSON.parse(await promise).next, /^https:\/\/127\.0\.0\.1:\d+\/meshes\?offset=1&size=1$/);
  await app.close();
});

test("a body of 10 MB is answered with 413 and the connection goes on", async (t) => {
  const { url } = await listening(t);
  const target = `${url}/meshes/default/secrets/big`;
  const secret = JSON.stringify({
    type: "Secret",
    mesh: "default",
    name: "big",
    data: "A".repeat(10 * 1024 * 1024),
  });
  for (let i = 0; i < 3; i++) {
    const answer = await fetch(target, { method: "PUT", headers: json, body: secret });
    assert.equal(answer.status, 413);
    const body = JSON.parse(await answer.text());
    assert.equal(body.title, "Request Entity Too Large");
    assert.match(body.detail, /larger than \d+ bytes/);
  }
  const fits = { type: "Secret", mesh: "default", name: "big", data: "A".repeat(BODY_LIMIT - 1024) };
  const answer = await fetch(target, { method: "PUT", headers: json, body: JSON.stringify(fits) });
  assert.equal(answer.status, 201);
});

test("a chunked body without a length is limited too", async (t) => {
  const { url } = await listening(t);
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const request = httpRequest(`${url}/meshes/m`, { method: "PUT", headers: json }, (answer) => {
    answer.resume();
    resolve(answer.statusCode ?? 0);
  });
  request.on("error", reject);
  for (let i = 0; i < 6; i++) request.write("x".repeat(1024 * 1024));
  request.end();
  assert.equal(await promise, 413);
});

test("what is no HTTP does not bring it down", async (t) => {
  const { world, url } = await listening(t);
  const { port } = new URL(url);
  for (const bytes of [
    "\x16\x03\x01\x02\x00\x01\x00",
    "GET\r\n\r\n",
    "GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
  ]) {
    const socket = connect(Number(port), "127.0.0.1");
    const { promise, resolve } = Promise.withResolvers<void>();
    socket.on("close", () => resolve());
    socket.on("error", () => resolve());
    socket.resume();
    socket.end(bytes);
    await promise;
  }
  assert.equal((await world.call("GET", "/")).status, 200);
});

test("close ends waits and lets requests in flight finish", async (t) => {
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const { promise: entered, resolve: enter } = Promise.withResolvers<void>();
  const status = {
    id: 1,
    time: "2026-11-23T10:00:00Z",
    state: "pending" as const,
    proxies: { affected: 1, acknowledged: 0, behind: 1, rejected: 0, gone: 0 },
    items: [],
  };
  const settled = async (_: number, signal: AbortSignal) => {
    enter();
    signal.addEventListener("abort", () => open());
    await gate;
  };
  const { world, url } = await listening(t, { deps: { changes: { status: () => status, settled } } });
  const answer = fetch(`${url}/_changes/1?wait=10s`);
  await entered;
  const closed = world.app.close();
  assert.equal((await answer).status, 200);
  await closed;
  await assert.rejects(fetch(`${url}/`));
});

test("a base path prefixes every route", async () => {
  const world = createWorld({ settings: { basePath: "/skein/" } });
  assert.equal((await world.call("GET", "/skein/")).json.gui, "/skein/gui");
  assert.equal((await world.call("GET", "/skein/meshes")).status, 200);
  assert.equal((await world.call("GET", "/meshes")).status, 404);
  assert.equal((await world.call("POST", "/skein/meshes")).status, 405);
});

test("GET / and the GUI need no credentials, whatever they are", async () => {
  const world = createWorld({ settings: { basedOnKuma: "2.14.3", product: "Skein", version: "0.1.0" } });
  const bad = { authorization: "Bearer bad" };
  const { status, json: index } = await world.callFromAfar("GET", "/", undefined, bad);
  assert.equal(status, 200);
  assert.deepEqual(Object.keys(index), [
    "basedOnKuma",
    "clusterId",
    "gui",
    "hostname",
    "instanceId",
    "product",
    "version",
  ]);
  assert.equal((await world.callFromAfar("GET", "/gui", undefined, bad)).status, 200);
  assert.match((await world.callFromAfar("GET", "/gui/meshes/x", undefined, bad)).text, /<!doctype html>/);
  assert.equal((await world.callFromAfar("GET", "/meshes", undefined, bad)).status, 401);
  const federated = createWorld({ settings: { federated: true } });
  assert.equal((await federated.call("GET", "/")).json.gui, "");
});

test("the configuration is compact JSON, and access to it can be taken away", async () => {
  const world = createWorld();
  const { text: body, headers } = await world.callFromAfar("GET", "/config");
  assert.equal(body, '{"mode":"zone","password":"*****"}');
  assert.equal(headers["content-type"], "application/json");
  const nobody = { users: [], groups: [] };
  const closed = createWorld({ deps: { access: { ...world.deps.access, controlPlaneMetadata: nobody } } });
  assert.equal((await closed.call("GET", "/config")).status, 403);
});

test("CORS answers the allowed origins only, and only when there are any", async () => {
  const world = createWorld({ settings: { corsAllowedDomains: ["https://ui.example"] } });
  const origin = { origin: "https://ui.example" };
  const allowed = await world.callFromAfar("GET", "/meshes", undefined, origin);
  assert.equal(allowed.headers["access-control-allow-origin"], "https://ui.example");
  const preflight = await world.callFromAfar("OPTIONS", "/meshes", undefined, {
    ...origin,
    "access-control-request-method": "PUT",
  });
  assert.equal(preflight.status, 200);
  assert.match(String(preflight.headers["access-control-allow-methods"]), /PUT/);
  const other = await world.callFromAfar("GET", "/meshes", undefined, { origin: "https://evil.example" });
  assert.equal(other.headers["access-control-allow-origin"], undefined);
  assert.equal((await createWorld().callFromAfar("OPTIONS", "/meshes", undefined, origin)).status, 405);
});

test("the catalogue lists kinds and policies by name", async () => {
  const world = createWorld();
  const { resources } = (await world.call("GET", "/_resources")).json;
  const types = resources.map(({ name }: { name: string }) => name);
  assert.deepEqual(types, types.toSorted());
  const timeout = resources.find(({ name }: { name: string }) => name === "MeshTimeout");
  assert.deepEqual(timeout, {
    includeInFederation: true,
    name: "MeshTimeout",
    path: "meshtimeouts",
    pluralDisplayName: timeout.pluralDisplayName,
    policy: {
      hasFromTargetRef: true,
      hasRulesTargetRef: true,
      hasToTargetRef: true,
      isFromAsRules: true,
      isTargetRef: true,
    },
    readOnly: false,
    scope: "Mesh",
    shortName: "mt",
    singularDisplayName: timeout.singularDisplayName,
  });
  const secret = resources.find(({ name }: { name: string }) => name === "Secret");
  assert.equal(secret.shortName, "");
  assert.equal(secret.policy, undefined);
  assert.equal(resources.find(({ name }: { name: string }) => name === "DataplaneInsight").readOnly, true);
  const { policies } = (await world.call("GET", "/policies")).json;
  const permission = policies.find(({ name }: { name: string }) => name === "MeshTrafficPermission");
  assert.deepEqual(
    [permission.isInbound, permission.isOutbound, permission.isTargetRefBased],
    [true, false, true],
  );
  for (const path of ["/openapi.json", "/_openapi"]) {
    const { json: document } = await world.call("GET", path);
    assert.ok(document.paths["/meshes/{mesh}/meshtimeouts/{name}"].put);
  }
});

test("a KRI finds its resource, also under another stored name, whatever its section", async () => {
  const world = createWorld();
  await seed(
    world.store,
    { type: "Mesh", name: "default" },
    {
      type: "MeshTimeout",
      mesh: "default",
      name: "q-4754x6w2697c24f9",
      labels: { "kuma.io/display-name": "q", "kuma.io/zone": "zone-2" },
      spec: meshTimeout("q").spec,
    },
  );
  await world.call("PUT", "/meshes/default/meshtimeouts/q", meshTimeout("q"));
  assert.equal((await world.call("GET", "/_kri/kri_mt_default_zone-1__q_")).json.name, "q");
  assert.equal((await world.call("GET", "/_kri/kri_mt_default_zone-1__q_some_section")).json.name, "q");
  assert.equal((await world.call("GET", "/_kri/kri_mt_default_zone-2__q_")).json.name, "q-4754x6w2697c24f9");
  assert.equal((await world.call("GET", "/_kri/kri_m____default_")).json.type, "Mesh");
  assert.equal(
    (await world.call("GET", "/_kri/kri_mt_default_zone-1__q_?format=k8s")).json.kind,
    "MeshTimeout",
  );
});

test("one resource as a Kubernetes object", async () => {
  const world = createWorld();
  await seed(world.store, { type: "Mesh", name: "default" });
  await world.call("PUT", "/meshes/default/meshtimeouts/q", { ...meshTimeout("q"), labels: { team: "a" } });
  await world.call("PUT", "/meshes/default/secrets/s", {
    type: "Secret",
    mesh: "default",
    name: "s",
    data: "aHVzaA==",
  });
  const policy = (await world.call("GET", "/meshes/default/meshtimeouts/q?format=kubernetes&namespace=ns"))
    .json;
  assert.deepEqual(policy.metadata, {
    name: "q",
    namespace: "ns",
    creationTimestamp: policy.metadata.creationTimestamp,
    labels: { "kuma.io/mesh": "default" },
  });
  assert.equal(policy.apiVersion, "kuma.io/v1alpha1");
  const secret = (await world.call("GET", "/meshes/default/secrets/s?format=k8s")).json;
  assert.equal(secret.apiVersion, "v1");
  assert.equal(secret.type, "system.kuma.io/secret");
  assert.deepEqual(secret.data, { value: "aHVzaA==" });
  assert.equal(secret.metadata.namespace, "kuma-system");
  const mesh = (await world.call("GET", "/meshes/default?format=k8s")).json;
  assert.equal(mesh.metadata.namespace, undefined);
  assert.deepEqual(mesh.spec, {});
});

test("diagnostics: health, readiness, metrics, nothing else", async () => {
  let ready = false;
  const metrics = new Registry();
  const app = createDiagnostics({ isReady: () => ready, metrics });
  assert.equal((await app.inject("/healthy")).statusCode, 200);
  assert.equal((await app.inject("/ready")).statusCode, 503);
  ready = true;
  assert.equal((await app.inject("/ready")).statusCode, 200);
  const scraped = await app.inject("/metrics");
  assert.match(String(scraped.headers["content-type"]), /^text\/plain; version=0\.0\.4/);
  assert.equal((await app.inject("/meshes")).statusCode, 404);
});
