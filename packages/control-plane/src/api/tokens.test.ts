import assert from "node:assert/strict";
import { test } from "node:test";
import { userTokens, zoneTokens } from "../tokens/token-family.ts";
import { createWorld, seed } from "./testing/world.ts";

async function worldWithKeys() {
  const world = createWorld();
  assert.equal((await world.call("PUT", "/meshes/default", { type: "Mesh", name: "default" })).status, 201);
  await world.tokens.keys.ensure(zoneTokens);
  await world.tokens.keys.ensure(userTokens);
  return world;
}

const claimsOf = (token: string) =>
  JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString());

test("tokens are issued as bare text", async () => {
  const world = await worldWithKeys();
  const request = { mesh: "default", name: "web-1", tags: { "kuma.io/service": ["web"] }, type: "dataplane" };
  const dataplane = await world.call("POST", "/tokens/dataplane", request);
  assert.equal(dataplane.status, 200, dataplane.text);
  assert.equal(dataplane.headers["content-type"], "text/plain");
  assert.equal(dataplane.text, dataplane.text.trim());
  const claims = claimsOf(dataplane.text);
  assert.equal(claims.Name, "web-1");
  assert.equal(claims.exp - claims.nbf - 5, 10 * 365 * 24 * 3600, "ten years by default");
  const zone = await world.call("POST", "/tokens/zone", {
    zone: "zone-1",
    scope: ["anything"],
    validFor: "1h",
  });
  assert.deepEqual(claimsOf(zone.text).Scope, ["anything"]);
  assert.equal(claimsOf(zone.text).exp - claimsOf(zone.text).nbf - 5, 3600);
  const user = await world.call("POST", "/tokens/user", { name: "john", groups: ["g"], validFor: "24h" });
  assert.deepEqual(claimsOf(user.text).Groups, ["g"]);
});

test("requests for tokens that are not valid name the field", async () => {
  const world = await worldWithKeys();
  for (const [path, body, fields] of [
    ["dataplane", {}, ["mesh"]],
    ["dataplane", { mesh: "default", type: "other" }, ["type"]],
    ["dataplane", { mesh: "default", validFor: "3d" }, ["validFor"]],
    ["zone", { zone: "z", scope: null }, ["scope"]],
    ["user", {}, ["name", "validFor"]],
    ["user", { name: "john", validFor: "0s" }, ["validFor"]],
    ["user", { name: "john", validFor: "soon" }, ["validFor"]],
  ] as const) {
    const answer = await world.call("POST", `/tokens/${path}`, body);
    assert.equal(answer.status, 400, JSON.stringify(body));
    assert.equal(answer.json.title, "Invalid request");
    assert.deepEqual(
      answer.json.invalid_parameters.map(({ field }: { field: string }) => field),
      fields,
    );
  }
  for (const body of ["{bad", "", "[]", '{"tags":5,"mesh":"default"}']) {
    const answer = await world.call("POST", "/tokens/dataplane", body);
    assert.equal(answer.status, 400);
    assert.equal(answer.text, "", "an unreadable body has an empty answer");
  }
  assert.equal((await world.call("POST", "/tokens/zone", {}, { "content-type": "text/plain" })).status, 415);
});

test("a missing signing key is 404, a missing permission 403, a disabled issuer 400", async () => {
  const world = await worldWithKeys();
  const noKey = await world.call("POST", "/tokens/dataplane", { mesh: "none" });
  assert.equal(noKey.status, 404);
  assert.equal(noKey.json.title, "Signing Key not found");
  await seed(world.store, { type: "Mesh", name: "bare" });
  assert.equal((await world.call("POST", "/tokens/dataplane", { mesh: "bare" })).status, 404);
  for (const path of ["dataplane", "zone", "user"]) {
    const denied = await world.callFromAfar("POST", `/tokens/${path}`, {});
    assert.equal(denied.status, 403);
    assert.equal(denied.json.title, "Access Denied");
    assert.match(denied.json.detail, /^action not allowed/);
  }
  const { tokens: _, ...deps } = world.deps;
  const { createApi } = await import("./server.ts");
  const disabled = await createApi(deps).inject({
    method: "POST",
    url: "/tokens/zone",
    payload: { scope: [] },
    headers: { host: "localhost" },
  });
  assert.equal(disabled.statusCode, 400);
  assert.match(disabled.body, /issuing tokens using the control plane is disabled/);
});
