import assert from "node:assert/strict";
import { test } from "node:test";
import type { Condition } from "@skein/model/fields";
import {
  givesIdentities,
  type IdentityState,
  identityConditions,
  isReady,
  meshServicesError,
  providerNotFound,
} from "./conditions.ts";

const short = (conditions: readonly Condition[]): readonly string[] =>
  conditions.map(({ type, status, reason }) => `${type}=${status}/${reason}`);

const provider = providerNotFound("Vault", ["Spire", "Bundled"]);
const disabled = meshServicesError("Everywhere");
assert.ok(disabled);

const cases: readonly (readonly [IdentityState, readonly string[], boolean, boolean])[] = [
  [
    { kind: "spiffe-id-only" },
    ["SpiffeIDProvider=True/SpiffeIDProvided", "Ready=False/PartiallyReady"],
    false,
    true,
  ],
  [
    { kind: "ready", meshTrust: "created" },
    ["Provider=True/ProviderInitialized", "MeshTrustCreated=True/MeshTrustCreated", "Ready=True/Ready"],
    true,
    true,
  ],
  [
    { kind: "ready", meshTrust: "not-created" },
    ["Provider=True/ProviderInitialized", "Ready=True/Ready"],
    true,
    true,
  ],
  [
    { kind: "failed", error: disabled },
    ["DependenciesReady=False/MeshServicesDisabled", "Ready=False/Failure"],
    false,
    false,
  ],
  [
    { kind: "failed", error: provider },
    ["Provider=False/ProviderNotFoundError", "Ready=False/Failure"],
    false,
    false,
  ],
];

for (const [state, expected, ready, identities] of cases) {
  test(`conditions of ${JSON.stringify(state).slice(0, 60)}`, () => {
    const conditions = identityConditions(state);
    assert.deepEqual(short(conditions), expected);
    assert.equal(isReady(conditions), ready);
    assert.equal(givesIdentities(conditions), identities);
  });
}

test("a trust without a root says what to do about it", () => {
  const [, trust] = identityConditions({ kind: "ready", meshTrust: "without-root" });
  assert.equal(trust?.type, "MeshTrustCreated");
  assert.match(trust.message, /append the root/);
});

test("errors name what is there and what is known", () => {
  assert.match(provider.message, /"Vault"; known are: Bundled, Spire/);
  assert.match(disabled.message, /has Everywhere/);
  assert.equal(meshServicesError("Exclusive"), undefined);
  assert.ok(!isReady(undefined));
});
