import assert from "node:assert/strict";
import { test } from "node:test";
import { dataplaneKind } from "./kinds/dataplane.ts";
import { hostnameGeneratorKind } from "./kinds/hostname-generator.ts";
import { meshKind } from "./kinds/mesh.ts";
import { meshIdentityKind } from "./kinds/mesh-identity.ts";
import { secretKind } from "./kinds/secret.ts";
import {
  computeLabels,
  type LabelContext,
  validateImmutableLabels,
  validateLabelSyntax,
  validateLabels,
  validateOrigin,
  validateWorkloadLabel,
} from "./labels.ts";

const zone: LabelContext = { mode: "zone", zone: "zone1", environment: "universal", federated: false };
const federated: LabelContext = { ...zone, federated: true };
const global: LabelContext = { mode: "global", zone: "", environment: "universal", federated: false };
const subject = (labels: Record<string, string> = {}, spec: unknown = {}) => ({ mesh: "m", labels, spec });

test("a zone says where a resource comes from", () => {
  assert.deepEqual(computeLabels(meshIdentityKind, subject({ team: "air" }), zone), {
    team: "air",
    "kuma.io/mesh": "m",
    "kuma.io/origin": "zone",
    "kuma.io/zone": "zone1",
    "kuma.io/env": "universal",
  });
  assert.deepEqual(computeLabels(hostnameGeneratorKind, subject(), zone), {
    "kuma.io/origin": "zone",
    "kuma.io/zone": "zone1",
    "kuma.io/env": "universal",
  });
  assert.deepEqual(computeLabels(meshIdentityKind, subject({ "kuma.io/origin": "global" }), zone), {
    "kuma.io/mesh": "m",
    "kuma.io/origin": "global",
  });
});

test("a global control plane and kinds it owns get no origin", () => {
  assert.deepEqual(computeLabels(meshIdentityKind, subject(), global), { "kuma.io/mesh": "m" });
  assert.deepEqual(computeLabels(meshKind, { mesh: "", labels: {}, spec: {} }, zone), {});
});

test("labels of a Dataplane follow from its content and override the user's", () => {
  const labels = { "kuma.io/proxy-type": "x", "kuma.io/listener-zoneegress": "enabled" };
  const builtin = { networking: { gateway: { type: "BUILTIN" } } };
  const withIngress = { networking: { listeners: [{ type: "ZoneIngress", port: 10001 }] } };
  const computed = computeLabels(dataplaneKind, subject(labels, builtin), zone);
  assert.equal(computed["kuma.io/proxy-type"], "gateway");
  assert.equal("kuma.io/listener-zoneegress" in computed, false);
  const ingress = computeLabels(dataplaneKind, subject(labels, withIngress), zone);
  assert.equal(ingress["kuma.io/proxy-type"], "sidecar");
  assert.equal(ingress["kuma.io/listener-zoneingress"], "enabled");
});

test("origin, zone and mesh must fit the control plane", () => {
  const check = (
    kind: typeof secretKind | typeof meshIdentityKind,
    labels: Record<string, string>,
    c: LabelContext,
  ) => validateLabels(kind, subject(labels), c).map(({ field, reason }) => `${field} ${reason}`);
  assert.deepEqual(check(meshIdentityKind, { "kuma.io/origin": "weird" }, zone), [
    'labels["kuma.io/origin"] unknown resource origin "weird"',
  ]);
  assert.deepEqual(check(meshIdentityKind, { "kuma.io/origin": "zone" }, global), [
    `labels["kuma.io/origin"] the origin label must be set to 'global'`,
  ]);
  assert.deepEqual(check(meshIdentityKind, {}, federated), [
    `labels["kuma.io/origin"] the origin label must be set to 'zone'`,
  ]);
  assert.deepEqual(check(secretKind, {}, federated), []);
  assert.deepEqual(check(meshIdentityKind, {}, { ...federated, disableOriginValidation: true }), []);
  assert.deepEqual(check(meshIdentityKind, { "kuma.io/zone": "z2", "kuma.io/mesh": "m2" }, zone), [
    'labels["kuma.io/zone"] kuma.io/zone label should have zone1 value',
    'labels["kuma.io/mesh"] kuma.io/mesh label must not differ from mesh set on resource',
  ]);
  assert.deepEqual(check(meshIdentityKind, { "kuma.io/zone": "z2", "kuma.io/origin": "global" }, zone), []);
  assert.equal(validateOrigin(meshIdentityKind, {}, federated)[0]?.field, '["kuma.io/origin"]');
});

test("origin, zone and display name cannot change once set", () => {
  assert.deepEqual(validateImmutableLabels({}, { "kuma.io/display-name": "a" }), []);
  assert.deepEqual(validateImmutableLabels({ "kuma.io/zone": "a", team: "x" }, { "kuma.io/zone": "b" }), [
    { field: 'labels["kuma.io/zone"]', reason: 'is immutable, cannot be changed from "a" to "b"' },
  ]);
  assert.deepEqual(validateImmutableLabels({ "kuma.io/display-name": "x" }, {}), [
    { field: 'labels["kuma.io/display-name"]', reason: 'is immutable, cannot be removed (was "x")' },
  ]);
});

test("syntax and the workload label", () => {
  assert.equal(validateLabelSyntax({ "a b": "c d" }).length, 2);
  assert.equal(validateLabelSyntax({ "a b": "c" })[0]?.field, 'labels["a b"]');
  assert.deepEqual(validateWorkloadLabel({ "kuma.io/workload": "check-in" }), []);
  assert.equal(validateWorkloadLabel({ "kuma.io/workload": "1a" }).length, 1);
});
