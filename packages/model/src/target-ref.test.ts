import assert from "node:assert/strict";
import { test } from "node:test";
import {
  backendRefSchema,
  type Match,
  TARGET_REF_KINDS,
  type TargetRef,
  targetRefOrder,
  validateBackendRef,
  validateMatch,
  validateTargetRef,
} from "./target-ref.ts";

const check = (ref: TargetRef, rules: { dataplaneSection?: boolean; gatewayTags?: boolean } = {}): string[] =>
  validateTargetRef(ref, { path: "spec.targetRef", kinds: TARGET_REF_KINDS, ...rules }).map(
    ({ field, reason }) => `${field}: ${reason}`,
  );

test("kinds are ordered by specificity", () => {
  assert.equal(targetRefOrder("Mesh"), 1);
  assert.equal(targetRefOrder("MeshHTTPRoute"), 9);
});

test("good references", () => {
  const good: TargetRef[] = [
    { kind: "Mesh" },
    { kind: "Mesh", proxyTypes: ["Sidecar"], tags: {} },
    { kind: "Dataplane" },
    { kind: "Dataplane", labels: { app: "a" } },
    { kind: "Dataplane", name: "d", namespace: "n" },
    { kind: "MeshSubset", tags: { "kuma.io/service": "*" } },
    { kind: "MeshService", name: "a", sectionName: "http" },
    { kind: "MeshService", labels: { "kuma.io/display-name": "a" } },
    { kind: "MeshServiceSubset", name: "a", tags: { version: "v1" } },
    { kind: "MeshGateway", name: "g" },
    { kind: "MeshHTTPRoute", name: "r" },
  ];
  for (const ref of good) assert.deepEqual(check(ref), [], JSON.stringify(ref));
  assert.deepEqual(check({ kind: "Dataplane", sectionName: "http" }, { dataplaneSection: true }), []);
  assert.deepEqual(check({ kind: "MeshGateway", name: "g", tags: { a: "b" } }, { gatewayTags: true }), []);
});

test("bad references", () => {
  const bad: [TargetRef, RegExp][] = [
    [{ kind: "Mesh", name: "a" }, /targetRef\.name: must not be set with kind Mesh/],
    [{ kind: "Mesh", proxyTypes: [] }, /proxyTypes: must have at least one/],
    [{ kind: "Mesh", mesh: "other" }, /targetRef\.mesh: must not be set/],
    [{ kind: "Dataplane", tags: { a: "b" } }, /tags: must not be set with kind Dataplane/],
    [{ kind: "Dataplane", sectionName: "a" }, /sectionName: can only be used/],
    [{ kind: "Dataplane", name: "a", labels: { a: "b" } }, /labels: either labels or name/],
    [{ kind: "Dataplane", proxyTypes: ["Sidecar"] }, /proxyTypes: must not be set/],
    [{ kind: "MeshService" }, /^spec\.targetRef: must have name or labels/],
    [{ kind: "MeshService", labels: { a: "b" }, namespace: "n" }, /labels: either labels or name/],
    [{ kind: "MeshService", name: "A B" }, /name: invalid characters/],
    [
      { kind: "MeshGateway", name: "g", tags: { a: "b" } },
      /tags: must not be set with kind MeshGateway here/,
    ],
    [{ kind: "MeshGateway" }, /name: must be set/],
    [{ kind: "MeshExternalService", name: "a", sectionName: "x" }, /sectionName: must not be set/],
  ];
  for (const [ref, want] of bad) assert.match(check(ref).join("\n"), want, JSON.stringify(ref));
  const [violation] = validateTargetRef({ kind: "MeshService", name: "a" }, { path: "p", kinds: ["Mesh"] });
  assert.deepEqual(violation, { field: "p.kind", reason: "value is not supported, must be one of Mesh" });
});

test("a backendRef has a weight and sometimes needs a port", () => {
  const ref = backendRefSchema.parse({ kind: "MeshMultiZoneService", name: "a" });
  assert.equal(ref.weight, 1);
  const rules = { path: "p", kinds: ["MeshMultiZoneService"] as const };
  assert.equal(validateBackendRef(ref, rules)[0]?.field, "p.port");
  assert.deepEqual(validateBackendRef({ ...ref, port: 80 }, rules), []);
});

test("matches", () => {
  const check = (match: Match): string[] => validateMatch(match, "m").map(({ field }) => field);
  assert.deepEqual(check({ spiffeID: { type: "Exact", value: "spiffe://td/a" } }), []);
  assert.deepEqual(check({ sni: { type: "Exact", value: "a.b" } }), []);
  assert.deepEqual(check({}), ["m"]);
  assert.deepEqual(check({ spiffeID: { type: "Prefix", value: "spiffe://td/a/" } }), ["m.spiffeID.value"]);
  assert.deepEqual(check({ sni: { type: "Exact", value: "A" } }), ["m.sni.value"]);
});
