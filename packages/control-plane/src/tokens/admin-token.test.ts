import assert from "node:assert/strict";
import { test } from "node:test";
import { readSecret } from "../identity/secrets.ts";
import { adminTokenKey, ensureAdminToken } from "./admin-token.ts";
import { tokenWorld } from "./testing.ts";

test("the admin's token is made once, and makes an admin", async () => {
  const { secrets, issuer, validator } = await tokenWorld();
  assert.ok((await ensureAdminToken(secrets, issuer)).ok);
  const { revision } = secrets.store;
  assert.ok((await ensureAdminToken(secrets, issuer)).ok);
  assert.equal(secrets.store.revision, revision);
  const stored = readSecret(secrets, adminTokenKey);
  assert.ok(stored?.ok);
  const claims = await validator.user(Buffer.from(stored.value).toString());
  assert.deepEqual(claims, { ok: true, value: { Name: "mesh-system:admin", Groups: ["mesh-system:admin"] } });
});

test("control planes that start together make one token", async () => {
  const { secrets, issuer } = await tokenWorld();
  const made = await Promise.all([ensureAdminToken(secrets, issuer), ensureAdminToken(secrets, issuer)]);
  assert.ok(made.every(({ ok }) => ok));
  assert.equal(secrets.store.list({ type: "GlobalSecret" }).length, 2);
});
