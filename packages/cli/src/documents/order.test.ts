import assert from "node:assert/strict";
import { test } from "node:test";
import { skeinKinds } from "../skein-kinds.ts";
import type { CheckedDocument } from "./check.ts";
import { waitsFor } from "./order.ts";

const kinds = skeinKinds();

function document(type: string, name: string): CheckedDocument {
  const kind = kinds.byType(type);
  const resource = { type, mesh: "m", name, labels: {}, spec: {} };
  const known = kind === undefined ? {} : { known: { kind, resource } };
  return { where: "file", type, mesh: "m", name, content: {}, warnings: [], ...known };
}

const waits = (later: string, earlier: string): boolean =>
  waitsFor(document(later, "later"), document(earlier, "earlier"));

test("documents wait for what they may refer to, and not for each other", () => {
  for (const kind of ["Mesh", "Secret", "Dataplane", "MeshService", "MeshIdentity", "MeshTimeout"]) {
    assert.equal(waits(kind, kind), false, kind);
  }
  for (const earlier of [
    "Mesh",
    "Secret",
    "MeshIdentity",
    "MeshTrust",
    "Dataplane",
    "MeshService",
    "Unknown",
  ]) {
    assert.equal(waits("MeshTimeout", earlier), true, earlier);
  }
  assert.equal(waits("MeshRetry", "MeshTimeout"), false);
  assert.equal(waits("MeshService", "MeshTimeout"), false);
  assert.equal(waits("Mesh", "MeshTimeout"), true, "a policy before its Mesh is refused, as it always was");
});

test("what opens and closes traffic keeps its order", () => {
  assert.equal(waits("MeshTrafficPermission", "MeshTrafficPermission"), true);
  assert.equal(waits("MeshTLS", "MeshTrafficPermission"), true);
  assert.equal(waits("MeshIdentity", "MeshTrafficPermission"), true);
  assert.equal(waits("MeshTrafficPermission", "MeshIdentity"), true);
  assert.equal(waits("MeshTimeout", "MeshTLS"), true);
});
