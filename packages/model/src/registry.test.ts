import assert from "node:assert/strict";
import { test } from "node:test";
import { meshKind } from "./kinds/mesh.ts";
import { coreKinds, createRegistry } from "./registry.ts";

const registry = createRegistry(coreKinds);

/** type, path, KRI short name, scope, writable on (G, Z, G+Z, RO), shape, command line: as the API reference has it. */
const TABLE = `
  Dataplane dataplanes dp Mesh Z flat dataplane/dataplanes
  DataplaneInsight dataplane-insights - Mesh RO flat -
  GlobalSecret globalsecrets - Global G+Z flat globalsecret/globalsecrets
  HostnameGenerator hostnamegenerators hg Global G+Z spec hostnamegenerator/hostnamegenerators
  Mesh meshes m Global G flat mesh/meshes
  MeshExternalService meshexternalservices extsvc Mesh G+Z spec+status meshexternalservice/meshexternalservices
  MeshGateway meshgateways mgw Mesh G+Z flat meshgateway/meshgateways
  MeshIdentity meshidentities mid Mesh G+Z spec+status meshidentity/meshidentities
  MeshInsight mesh-insights - Global RO flat -
  MeshMultiZoneService meshmultizoneservices mzsvc Mesh G spec+status meshmultizoneservice/meshmultizoneservices
  MeshService meshservices msvc Mesh Z spec+status meshservice/meshservices
  MeshTrust meshtrusts mtrust Mesh G+Z spec+status meshtrust/meshtrusts
  Secret secrets - Mesh G+Z flat secret/secrets
  ServiceInsight service-insights - Mesh RO flat -
  Workload workloads wl Mesh Z spec+status workload/workloads
  Zone zones z Global G+Z flat zone/zones
  ZoneInsight zone-insights - Global RO flat -
`;

test("the kinds are those of the API reference", () => {
  const rows = registry.kinds.map((kind) => {
    const writable = [kind.writableOn.global ? "G" : "", kind.writableOn.zone ? "Z" : ""].filter(
      (on) => on !== "",
    );
    return [
      kind.type,
      kind.path,
      kind.shortName ?? "-",
      kind.scope,
      writable.length === 0 ? "RO" : writable.join("+"),
      kind.shape + (kind.hasStatus ? "+status" : ""),
      writable.length === 0 ? "-" : `${kind.cli.singular}/${kind.cli.plural}`,
    ].join(" ");
  });
  assert.deepEqual(
    rows,
    TABLE.trim()
      .split("\n")
      .map((row) => row.trim()),
  );
});

test("a kind with a status has its schema, and only such a kind", () => {
  for (const kind of registry.kinds) assert.equal(kind.status !== undefined, kind.hasStatus, kind.type);
});

test("look-ups by every name", () => {
  assert.equal(registry.byType("Mesh"), meshKind);
  assert.equal(registry.byType("mesh"), undefined);
  assert.equal(registry.byPath("global-secrets")?.type, "GlobalSecret");
  assert.equal(registry.byPath("globalsecrets")?.type, "GlobalSecret");
  assert.equal(registry.byShortName("mid")?.type, "MeshIdentity");
  assert.equal(registry.byCliName("meshes"), meshKind);
  assert.equal(registry.byCliName("Global-Secret")?.type, "GlobalSecret");
  assert.equal(registry.byCliName("toString"), undefined);
  assert.equal(registry.suggestType("meshidentty"), "MeshIdentity");
});

test("two kinds with one name are a bug", () => {
  assert.throws(() => createRegistry([meshKind, { ...meshKind, type: "Other" }]), /share the path meshes/);
});
