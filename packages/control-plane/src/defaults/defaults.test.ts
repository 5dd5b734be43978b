import assert from "node:assert/strict";
import { test } from "node:test";
import { createWorld, seed } from "../api/testing/world.ts";
import { type DefaultsEnvironment, ensureDefaults } from "./ensure-defaults.ts";

function start(overrides: Partial<DefaultsEnvironment> = {}, settings = {}) {
  const world = createWorld({ settings });
  const environment: DefaultsEnvironment = {
    ...world.meshDefaults,
    skipMeshCreation: false,
    skipHostnameGenerators: false,
    bootstrapAdminToken: true,
    tokens: world.tokens,
    ...overrides,
  };
  const names = (type: string, mesh = "") => world.store.list({ type, mesh }).map(({ name }) => name);
  return { ...world, environment, names };
}

test("a plain zone starts with its mesh, keys, token, generators and zone", async () => {
  const world = start();
  await ensureDefaults(world.environment);
  assert.deepEqual(world.names("Mesh"), ["default"]);
  assert.deepEqual(world.names("GlobalSecret"), [
    "admin-user-token",
    "user-token-signing-key-1",
    "zone-token-signing-key-1",
  ]);
  assert.deepEqual(world.names("Secret", "default"), ["dataplane-token-signing-key-default-1"]);
  assert.deepEqual(world.names("HostnameGenerator"), [
    "local-mesh-external-service",
    "local-mesh-multi-zone-service",
    "local-universal-mesh-service",
  ]);
  assert.deepEqual(world.names("Zone"), ["zone-1"]);
  assert.equal((await world.call("GET", "/zones/zone-1")).json.kri, "kri_z____zone-1_");
  const generator = (await world.call("GET", "/hostnamegenerators/local-universal-mesh-service")).json;
  assert.equal(generator.labels["kuma.io/origin"], "zone");
  assert.equal(generator.spec.template, "{{ .DisplayName }}.svc.mesh.local");

  const { revision } = world.store;
  await ensureDefaults(world.environment);
  assert.equal(world.store.revision, revision, "a second start changes nothing");
});

test("the default policies have Kuma's values", async () => {
  const world = start();
  await ensureDefaults(world.environment);
  const spec = async (path: string) => (await world.call("GET", `/meshes/default/${path}`)).json.spec;
  const wholeMesh = { kind: "Mesh" };
  assert.deepEqual(world.names("MeshTimeout", "default"), [
    "mesh-gateways-timeout-all-default",
    "mesh-timeout-all-default",
  ]);
  assert.deepEqual(await spec("meshtimeouts/mesh-timeout-all-default"), {
    targetRef: { kind: "Mesh", proxyTypes: ["Sidecar"] },
    from: [
      {
        targetRef: wholeMesh,
        default: {
          connectionTimeout: "10s",
          idleTimeout: "2h0m0s",
          http: { requestTimeout: "0s", streamIdleTimeout: "1h0m0s", maxStreamDuration: "0s" },
        },
      },
    ],
    to: [
      {
        targetRef: wholeMesh,
        default: {
          connectionTimeout: "5s",
          idleTimeout: "1h0m0s",
          http: { requestTimeout: "15s", streamIdleTimeout: "30m0s" },
        },
      },
    ],
  });
  assert.deepEqual(await spec("meshtimeouts/mesh-gateways-timeout-all-default"), {
    targetRef: { kind: "Mesh", proxyTypes: ["Gateway"] },
    from: [
      {
        targetRef: wholeMesh,
        default: { idleTimeout: "5m0s", http: { streamIdleTimeout: "5s", requestHeadersTimeout: "500ms" } },
      },
    ],
    to: [{ targetRef: wholeMesh, default: { idleTimeout: "1h0m0s", http: { streamIdleTimeout: "5s" } } }],
  });
  assert.deepEqual((await spec("meshcircuitbreakers/mesh-circuit-breaker-all-default")).to[0].default, {
    connectionLimits: { maxConnections: 1024, maxPendingRequests: 1024, maxRequests: 1024, maxRetries: 3 },
  });
  const retries = {
    numRetries: 5,
    perTryTimeout: "16s",
    backOff: { baseInterval: "25ms", maxInterval: "250ms" },
  };
  assert.deepEqual((await spec("meshretries/mesh-retry-all-default")).to[0].default, {
    tcp: { maxConnectAttempt: 5 },
    http: retries,
    grpc: retries,
  });
  const { labels, kri } = (await world.call("GET", "/meshes/default/meshretries/mesh-retry-all-default"))
    .json;
  assert.equal(kri, "kri_mr_default_zone-1__mesh-retry-all-default_");
  assert.equal(labels["kuma.io/zone"], "zone-1");
});

test("a mesh made through the API comes with its key and policies in one transaction, and can skip policies", async () => {
  const world = start();
  const put = (name: string, skipCreatingInitialPolicies: string[]) =>
    world.call("PUT", `/meshes/${name}`, { type: "Mesh", name, skipCreatingInitialPolicies });
  const revisions: number[] = [];
  world.store.watch((changes) => revisions.push(...changes.map(({ revision }) => revision)));
  assert.equal((await put("m1", [])).json.changeId, 1);
  assert.deepEqual(new Set(revisions), new Set([1]));
  assert.equal(revisions.length, 6);
  await put("m2", ["MeshTimeout"]);
  assert.deepEqual(world.names("MeshTimeout", "m2"), []);
  assert.deepEqual(world.names("MeshRetry", "m2"), ["mesh-retry-all-m2"]);
  await put("m3", ["*"]);
  assert.deepEqual(world.names("MeshRetry", "m3"), []);
  assert.deepEqual(world.names("Secret", "m3"), ["dataplane-token-signing-key-m3-1"]);
  await world.call("DELETE", "/meshes/m1/meshretries/mesh-retry-all-m1");
  await put("m1", ["MeshTLS"]);
  assert.deepEqual(world.names("MeshRetry", "m1"), [], "an update brings nothing back");
});

test("what the configuration skips is not made", async () => {
  const bare = start({ skipMeshCreation: true, skipHostnameGenerators: true, bootstrapAdminToken: false });
  await ensureDefaults(bare.environment);
  assert.deepEqual(bare.names("Mesh"), []);
  assert.deepEqual(bare.names("HostnameGenerator"), []);
  assert.deepEqual(bare.names("GlobalSecret"), ["user-token-signing-key-1", "zone-token-signing-key-1"]);
  const tenant = start({ skipTenantResources: true });
  await ensureDefaults(tenant.environment);
  assert.equal(tenant.store.revision, 0);
});

test("a federated zone makes neither meshes nor zone keys; a global control plane no zone", async () => {
  const federated = start({}, { federated: true });
  await ensureDefaults(federated.environment);
  assert.deepEqual(federated.names("Mesh"), []);
  assert.deepEqual(federated.names("GlobalSecret"), ["admin-user-token", "user-token-signing-key-1"]);
  assert.deepEqual(federated.names("Zone"), ["zone-1"]);
  const global = start({}, { mode: "global", zone: "" });
  await ensureDefaults(global.environment);
  assert.deepEqual(global.names("Zone"), []);
  assert.equal(global.names("HostnameGenerator").length, 5);
  assert.ok(global.names("HostnameGenerator").every((name) => name.startsWith("synced-")));
});

test("a renamed zone leaves no other zone behind; the default mesh comes back", async () => {
  const world = start();
  await seed(world.store, { type: "Zone", name: "old" });
  await ensureDefaults(world.environment);
  assert.deepEqual(world.names("Zone"), ["zone-1"]);
  await world.call("DELETE", "/meshes/default");
  await ensureDefaults(world.environment);
  assert.deepEqual(world.names("Mesh"), ["default"]);
});

test("two control planes that start at once agree", async () => {
  const world = start();
  await Promise.all([ensureDefaults(world.environment), ensureDefaults(world.environment)]);
  assert.deepEqual(world.names("Mesh"), ["default"]);
  assert.equal(world.names("MeshTimeout", "default").length, 2);
});
