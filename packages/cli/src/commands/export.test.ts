import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAllDocuments } from "yaml";
import { valueAt } from "../read.ts";
import { list, type Routes, startFakeControlPlane } from "../testing/fake-control-plane.ts";
import { createSandbox } from "../testing/run-command.ts";

const policy = { isTargetRef: true };
const resources = {
  resources: [
    { name: "Dataplane", path: "dataplanes", scope: "Mesh", includeInFederation: false },
    { name: "GlobalSecret", path: "globalsecrets", scope: "Global", includeInFederation: true },
    { name: "Mesh", path: "meshes", scope: "Global", includeInFederation: true },
    { name: "MeshGateway", path: "meshgateways", scope: "Mesh", includeInFederation: true },
    { name: "MeshTimeout", path: "meshtimeouts", scope: "Mesh", includeInFederation: true, policy },
    { name: "MeshTrust", path: "meshtrusts", scope: "Mesh", includeInFederation: true },
    { name: "Secret", path: "secrets", scope: "Mesh", includeInFederation: true },
    { name: "ServiceInsight", path: "service-insights", scope: "Mesh", includeInFederation: false },
  ],
};
const mtls = {
  enabledBackend: "ca-1",
  backends: [{ name: "ca-1", type: "builtin", dpCert: { rotation: { expiration: "1d" } } }],
};
const mesh = { type: "Mesh", name: "demo", mtls };
const trust = {
  type: "MeshTrust",
  mesh: "demo",
  name: "t",
  labels: { "kuma.io/origin": "zone", team: "a" },
  spec: {},
};
const timeout = (index: number): unknown => ({
  type: "MeshTimeout",
  mesh: "demo",
  name: `t-${index}`,
  labels: { "kuma.io/origin": "zone" },
  spec: {},
});

const routes: Routes = {
  "GET /_resources": { body: resources },
  "GET /meshes": list(mesh),
  "GET /globalsecrets": list(
    { type: "GlobalSecret", name: "user-token-signing-key-1", data: "YQ==" },
    { type: "GlobalSecret", name: "inter-cp-ca", data: "YQ==" },
    { type: "GlobalSecret", name: "zone-token-signing-key-1", data: "YQ==" },
  ),
  "GET /meshes/demo/secrets": list({ type: "Secret", mesh: "demo", name: "s", data: "YQ==" }),
  "GET /meshes/demo/meshtrusts": list(trust),
  "GET /meshes/demo/meshgateways": list({ type: "MeshGateway", mesh: "demo", name: "g" }),
  "GET /meshes/demo/dataplanes": list({ type: "Dataplane", mesh: "demo", name: "d" }),
  "GET /meshes/demo/meshtimeouts": ({ query }) => {
    const offset = Number(query.get("offset") ?? 0);
    return {
      body: {
        total: 250,
        items: Array.from({ length: Math.min(100, 250 - offset) }, (_, index) => timeout(offset + index)),
        next: offset + 100 < 250 ? `http://fake/meshes/demo/meshtimeouts?offset=${offset + 100}` : null,
      },
    };
  },
};

async function exported(...args: readonly string[]): Promise<readonly Record<string, unknown>[]> {
  await using cp = await startFakeControlPlane(routes);
  using sandbox = createSandbox({ url: cp.url });
  const { code, out, err } = await sandbox.run("export", ...args);
  assert.equal(err, "");
  assert.equal(code, 0);
  assert.match(
    out,
    /^# Product: Kuma, Version: 2\.14\.3, Hostname: cp-1, ClusterId: c-1, InstanceId: cp-1-ab12\n---\n/,
  );
  return parseAllDocuments(out).map((document) => document.toJS() as Record<string, unknown>);
}

function names(documents: readonly Record<string, unknown>[]): readonly string[] {
  return documents.map((document) => `${String(document.type)} ${String(document.name)}`);
}

test("federation: what a new global needs, in the order in which it can be applied", async () => {
  const documents = await exported();
  assert.deepEqual(names(documents), [
    "Mesh demo",
    "Secret s",
    "MeshTrust t",
    "GlobalSecret zone-token-signing-key-1",
    "GlobalSecret user-token-signing-key-1",
  ]);
  assert.deepEqual(documents[0], {
    type: "Mesh",
    name: "demo",
    mtls: {
      enabledBackend: "ca-1",
      skipValidation: true,
      backends: [
        {
          name: "ca-1",
          type: "provided",
          dpCert: { rotation: { expiration: "1d" } },
          conf: {
            cert: { secret: "demo.ca-builtin-cert-ca-1" },
            key: { secret: "demo.ca-builtin-key-ca-1" },
          },
        },
      ],
    },
    skipCreatingInitialPolicies: ["*"],
  });
  assert.deepEqual(documents[2]?.labels, { team: "a" });
});

test("federation-with-policies reads every page and drops an empty label set", async () => {
  const documents = await exported("--profile", "federation-with-policies");
  const timeouts = documents.filter((document) => document.type === "MeshTimeout");
  assert.equal(timeouts.length, 250);
  assert.equal(timeouts[0]?.labels, undefined);
  assert.ok(names(documents).includes("MeshGateway g"));
});

test("all and no-dataplanes: secrets only with -a, nothing rewritten", async () => {
  const all = await exported("-p", "all");
  assert.ok(names(all).includes("Dataplane d"));
  assert.ok(!names(all).some((name) => name.startsWith("Secret") || name.startsWith("GlobalSecret")));
  assert.deepEqual(all[0], mesh);
  assert.deepEqual(
    all.find((document) => document.type === "MeshTrust"),
    trust,
  );
  const some = await exported("-p=no-dataplanes", "-a");
  assert.ok(!names(some).includes("Dataplane d"));
  assert.ok(names(some).includes("Secret s"));
});

test("kubernetes: what another cluster would refuse is left out", async () => {
  const metadata = (name: string, namespace?: string): unknown => ({
    name,
    ...(namespace === undefined ? {} : { namespace }),
    uid: "u",
    resourceVersion: "1",
    generation: 2,
    labels: { "kuma.io/origin": "zone", "kuma.io/mesh": "demo" },
  });
  const object = (kind: string, name: string, namespace?: string) => ({
    body: { apiVersion: "kuma.io/v1alpha1", kind, metadata: metadata(name, namespace), spec: { mtls } },
  });
  await using cp = await startFakeControlPlane({
    ...routes,
    "GET /globalsecrets": list(),
    "GET /meshes/demo": object("Mesh", "demo"),
    "GET /meshes/demo/secrets/s": object("Secret", "s", "apps"),
    "GET /meshes/demo/meshtrusts/t": object("MeshTrust", "t", "kuma-system"),
  });
  using sandbox = createSandbox({ url: cp.url });
  const { out } = await sandbox.run("export", "-f", "kubernetes");
  const documents = parseAllDocuments(out).map((document) => document.toJS() as Record<string, unknown>);
  assert.deepEqual(
    documents.map((document) => document.kind),
    ["Mesh", "MeshTrust"],
  );
  assert.deepEqual(documents[1]?.metadata, {
    name: "t",
    namespace: "kuma-system",
    labels: { "kuma.io/mesh": "demo" },
  });
  assert.deepEqual(valueAt(documents[0], "spec", "skipCreatingInitialPolicies"), ["*"]);
  assert.ok(cp.log().includes("GET /meshes/demo/meshtrusts/t?format=k8s"));
});

test("what a control plane observes is left out of all: nobody can apply it", async () => {
  const kinds = new Set((await exported("--profile", "all")).map(({ type }) => type));
  assert.ok(kinds.has("Dataplane"));
  assert.ok(!kinds.has("ServiceInsight"), [...kinds].join());
});

test("unknown profiles and formats", async () => {
  using sandbox = createSandbox();
  const profile = await sandbox.run("export", "--profile", "federations");
  assert.deepEqual([profile.code, /did you mean "federation"\?/.test(profile.err)], [2, true]);
  assert.match((await sandbox.run("export", "--format", "helm")).err, /must be one of universal, kubernetes/);
});
