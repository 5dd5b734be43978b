import assert from "node:assert/strict";
import { test } from "node:test";
import type { Resource } from "@skein/model";
import { newCa } from "../identity/testing.ts";
import { stored, ZONE } from "../pipeline/testing/resources.ts";
import { openMemoryStore } from "../store/memory.ts";
import { deleteWarnings } from "./deleting.ts";

const dataplane = (name: string, app: string) => ({
  type: "Dataplane",
  mesh: "m",
  name,
  labels: { app, "kuma.io/workload": app },
  networking: { address: "10.0.0.1", inbound: [{ port: 80, tags: { "kuma.io/service": app } }] },
});
const DATAPLANES = ["web-1", "web-2", "web-3", "web-4"].map((name) => dataplane(name, "web"));
const MESH = { type: "Mesh", name: "m", meshServices: { mode: "Exclusive" } };

const bundled = (more: object) => ({ type: "Bundled", bundled: { insecureAllowSelfSigned: true, ...more } });
const identity = (
  name: string,
  matchLabels: object = {},
  provider: object = bundled({ autogenerate: { enabled: true } }),
) => ({
  type: "MeshIdentity",
  mesh: "m",
  name,
  spec: { selector: { dataplane: { matchLabels } }, spiffeID: { trustDomain: "td" }, provider },
});
const ready = { conditions: [{ type: "Ready", status: "True", reason: "Ready", message: "" }] };

async function warnings(
  deleted: { readonly type: string; readonly name: string },
  ...documents: readonly object[]
): Promise<readonly string[]> {
  const store = openMemoryStore({ now: () => 0 });
  const resources = documents.map((document) => {
    const { status, ...rest } = document as { status?: unknown };
    return { ...stored(rest, 1), ...(status === undefined ? {} : { status }) };
  });
  for (const resource of resources) await store.write([{ op: "create", resource }]);
  const resource = store.get({ type: deleted.type, mesh: "m", name: deleted.name }) as Resource;
  const result = deleteWarnings(resource, store, { zone: ZONE, environment: "universal" });
  await store.close();
  return result;
}

test("the last identity of proxies: how many it opens, and which", async () => {
  const only = identity("only");
  const opened =
    "4 dataplanes have no other identity, so they take plaintext from anybody and no permission applies: web-1, web-2, web-3, …";
  assert.deepEqual(await warnings(only, MESH, only, ...DATAPLANES), [opened]);
  const api = dataplane("api-1", "api");
  assert.deepEqual(
    await warnings(
      only,
      MESH,
      only,
      { ...identity("web", { app: "web" }), status: ready },
      ...DATAPLANES,
      api,
    ),
    [
      "1 dataplane has no other identity, so it takes plaintext from anybody and no permission applies: api-1",
    ],
  );
  const upcoming = identity("upcoming");
  assert.deepEqual(
    await warnings(only, MESH, only, upcoming, ...DATAPLANES),
    [opened],
    "it is not ready yet",
  );
});

test("an identity that protects nobody is deleted without a word", async () => {
  const only = identity("only");
  assert.deepEqual(await warnings(only, MESH, only), []);
  const elsewhere = identity("only", { app: "other" });
  assert.deepEqual(await warnings(elsewhere, MESH, elsewhere, ...DATAPLANES), []);
  assert.deepEqual(
    await warnings(only, MESH, only, { ...identity("too"), status: ready }, ...DATAPLANES),
    [],
  );
  const mtls = { enabledBackend: "ca", backends: [{ name: "ca", type: "builtin" }] };
  assert.deepEqual(await warnings(only, { ...MESH, mtls }, only, ...DATAPLANES), []);
  assert.deepEqual(await warnings(only, { type: "Mesh", name: "m" }, only, ...DATAPLANES), []);
});

test("a MeshTrust that certificates are verified with, unless another says the same", async () => {
  const trust = (name: string, trustDomain: string, value: string) => ({
    type: "MeshTrust",
    mesh: "m",
    name,
    spec: { trustDomain, caBundles: [{ type: "Pem", pem: { value } }] },
  });
  const [one, two] = [(await newCa("td")).certificatePem, (await newCa("td")).certificatePem];
  const world = [MESH, identity("only"), ...DATAPLANES];
  const used = trust("used", "td", one);
  const lost = [
    'certificates of trust domain "td", which 4 dataplanes present, may not be trusted any more, and calls with them fail: web-1, web-2, web-3, …',
  ];
  assert.deepEqual(await warnings(used, ...world, used), lost);
  assert.deepEqual(await warnings(used, ...world, used, trust("b", "td", two)), lost);
  assert.deepEqual(await warnings(used, ...world, used, trust("b", "td", `${two}\n${one}`)), []);
  const other = trust("other", "elsewhere", one);
  assert.deepEqual(await warnings(other, ...world, other), []);
  assert.deepEqual(await warnings(used, MESH, used, ...DATAPLANES), []);
});

test("a Secret that an issuer reads", async () => {
  const secret = (name: string) => ({ type: "Secret", mesh: "m", name, data: "eA==" });
  const cannot = (issuer: string) => [
    `${issuer} reads it, and cannot issue or renew the certificates of 4 dataplanes without it: web-1, web-2, web-3, …`,
  ];
  const source = (name: string) => ({ type: "Secret", secretRef: { kind: "Secret", name } });
  const own = identity(
    "own",
    {},
    bundled({ ca: { certificate: source("cert"), privateKey: source("key") } }),
  );
  for (const name of ["cert", "key"]) {
    const read = secret(name);
    assert.deepEqual(await warnings(read, MESH, own, read, ...DATAPLANES), cannot('MeshIdentity "own"'));
    assert.deepEqual(await warnings(read, MESH, own, read), []);
  }
  const made = secret("auto-root-ca");
  assert.deepEqual(
    await warnings(made, MESH, identity("auto"), made, ...DATAPLANES),
    cannot('MeshIdentity "auto"'),
  );
  const unread = secret("unread");
  assert.deepEqual(await warnings(unread, MESH, own, unread, ...DATAPLANES), []);

  const mtls = (backend: object) => ({ ...MESH, mtls: { enabledBackend: "ca", backends: [backend] } });
  const builtin = secret("m.ca-builtin-key-ca");
  assert.deepEqual(
    await warnings(builtin, mtls({ name: "ca", type: "builtin" }), builtin, ...DATAPLANES),
    cannot('mtls backend "ca"'),
  );
  const conf = { cert: { secret: "cert" }, key: { secret: "key" } };
  const given = secret("key");
  assert.deepEqual(
    await warnings(given, mtls({ name: "ca", type: "provided", conf }), given, ...DATAPLANES),
    cannot('mtls backend "ca"'),
  );
});

test("deleting a permission leaves nobody less protected than its writer wants", async () => {
  const permission = {
    type: "MeshTrafficPermission",
    mesh: "m",
    name: "all",
    spec: { rules: [{ default: { deny: [{ spiffeID: { type: "Prefix", value: "spiffe://td/x" } }] } }] },
  };
  assert.deepEqual(await warnings(permission, MESH, permission, ...DATAPLANES), []);
});
