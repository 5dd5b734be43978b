import assert from "node:assert/strict";
import { test } from "node:test";
import { liveWorld, put, shop } from "../preview/testing/live-world.ts";
import { createWorld } from "./testing/world.ts";

const timeout = (name: string, requestTimeout: string, extra: object = {}) => ({
  type: "MeshTimeout",
  mesh: "default",
  name,
  spec: { to: [{ targetRef: { kind: "Mesh" }, default: { http: { requestTimeout } } }] },
  ...extra,
});
const asPut = (resource: { type: string; mesh?: string; name: string }) => ({
  op: "put",
  type: resource.type,
  ...(resource.mesh === undefined ? {} : { mesh: resource.mesh }),
  name: resource.name,
  resource,
});
const CLUSTER = "kri_msvc_default_zone-1__api_http";

test("a policy: who gets what, and each field with its value before and after and its rule", async () => {
  const { api } = liveWorld();
  await put(api, ...shop(3), timeout("slow", "10s"));
  const { revision } = api.store;
  const { status, json } = await api.call("POST", "/_preview", { changes: [asPut(timeout("slow", "20s"))] });
  assert.equal(status, 200);
  assert.equal(api.store.revision, revision, "the preview wrote something");
  assert.deepEqual(json.documents, [
    { type: "MeshTimeout", mesh: "default", name: "slow", outcome: "updated", warnings: [] },
  ]);
  assert.equal(json.revision, revision);
  assert.deepEqual(json.proxies, {
    total: 6,
    changed: 3,
    groups: {
      total: 1,
      items: [
        {
          mesh: "default",
          proxies: { total: 3, items: ["web-0", "web-1", "web-2"] },
          resources: { total: 1, items: [{ type: "route", name: CLUSTER, change: "changed" }] },
        },
      ],
    },
  });
  assert.deepEqual(json.diff.items, [
    {
      mesh: "default",
      part: "outbound",
      field: "http.requestTimeout",
      kind: "MeshTimeout",
      before: "10s",
      after: "20s",
      origin: { policy: "kri_mt_default_zone-1__slow_", rule: "to[0]" },
      places: { total: 1, items: [CLUSTER] },
      proxies: { total: 3, items: ["web-0", "web-1", "web-2"] },
    },
  ]);
  assert.deepEqual(json.access, { total: 0, items: [] });
  const again = await api.call("POST", "/_preview", { changes: [asPut(timeout("slow", "10s"))] });
  assert.equal(again.json.documents[0].outcome, "unchanged");
  assert.equal(again.json.proxies.changed, 0);
});

test("several documents are one change, and each is judged as the real write would judge it", async () => {
  const { api } = liveWorld();
  await put(api, ...shop(1), timeout("slow", "10s"));
  const nowhere = timeout("nowhere", "1s", {
    spec: { targetRef: { kind: "Dataplane", labels: { app: "nobody" } }, ...timeout("n", "1s").spec },
  });
  const wrong = timeout("wrong", "soon");
  const { json } = await api.call("POST", "/_preview", {
    changes: [
      asPut(nowhere),
      asPut(wrong),
      { op: "delete", type: "MeshTimeout", mesh: "default", name: "slow" },
      { op: "delete", type: "MeshTimeout", mesh: "default", name: "never-was" },
      { op: "delete", type: "MeshTimeuot", mesh: "default", name: "slow" },
      asPut(timeout("other", "10s")),
    ],
  });
  assert.deepEqual(
    json.documents.map(({ outcome }: { outcome: string }) => outcome),
    ["created", "refused", "deleted", "refused", "refused", "created"],
  );
  const real = await api.call("PUT", "/meshes/default/meshtimeouts/nowhere", nowhere);
  assert.ok(real.json.warnings.length > 0);
  assert.deepEqual(json.documents[0].warnings, real.json.warnings);
  const refused = await api.call("PUT", "/meshes/default/meshtimeouts/wrong", wrong);
  assert.equal(refused.status, 400);
  assert.deepEqual(json.documents[1].problem, refused.json);
  assert.equal(json.documents[3].problem.status, 404);
  // The value that one took away is back by another: Envoy would be sent nothing.
  assert.equal(json.proxies.changed, 0);
});

test("a permission: pairs that are newly denied and allowed, a MeshIdentity: newly encrypted, with what was assumed", async () => {
  const { api, world } = liveWorld({ isConnected: (_, name) => name === "web-0" });
  await put(api, ...shop(1));
  const identity = {
    type: "MeshIdentity",
    mesh: "default",
    name: "id",
    spec: {
      selector: { dataplane: { matchLabels: {} } },
      spiffeID: { trustDomain: "td", path: '/{{ label "app" }}' },
      provider: {
        type: "Bundled",
        bundled: { autogenerate: { enabled: true }, insecureAllowSelfSigned: true },
      },
    },
  };
  const permission = (app: string) => ({
    type: "MeshTrafficPermission",
    mesh: "default",
    name: "p",
    spec: { rules: [{ default: { allow: [{ spiffeID: { type: "Exact", value: `spiffe://td/${app}` } }] } }] },
  });
  const { json } = await api.call("POST", "/_preview", {
    changes: [asPut(permission("web")), asPut(identity)],
  });
  assert.match(json.notes[0], /MeshIdentity "id" is new: .* when its rollout has ended/);
  assert.deepEqual(
    json.access.items.map((item: Record<string, unknown>) => [item.source, item.destination, item.change]),
    [
      ["api", "web", "newly-denied"],
      ["web", "api", "newly-encrypted"],
    ],
  );
  const secrets = json.proxies.groups.items
    .filter(({ proxies }: { proxies: { items: string[] } }) => proxies.items.includes("web-0"))
    .flatMap(({ resources }: { resources: { items: { type: string; name: string; change: string }[] } }) =>
      resources.items.filter(({ type }) => type === "secret"),
    );
  assert.deepEqual(secrets, [
    { type: "secret", name: "kri_mid_default_zone-1__id_", change: "added" },
    { type: "secret", name: "system_trust_bundle", change: "added" },
  ]);

  await put(api, identity, permission("web"));
  world.mesh("default").stage.set("kri_mid_default_zone-1__id_", "enforced");
  const next = await api.call("POST", "/_preview", { changes: [asPut(permission("api"))] });
  assert.deepEqual(
    next.json.access.items.map((item: Record<string, unknown>) => [
      item.source,
      item.destination,
      item.change,
    ]),
    [
      ["api", "web", "newly-allowed"],
      ["web", "api", "newly-denied"],
    ],
  );
  assert.ok(next.json.diff.items.some((item: { kind?: string; field: string }) => item.field === "allow"));
});

test("instances that come or go are endpoints of their clients", async () => {
  const { api } = liveWorld();
  await put(api, ...shop(2));
  const { json } = await api.call("POST", "/_preview", {
    changes: [{ op: "delete", type: "Dataplane", mesh: "default", name: "api-1" }],
  });
  const [web, gone] = json.proxies.groups.items;
  assert.deepEqual(web.proxies.items, ["web-0", "web-1"]);
  assert.deepEqual(web.resources.items, [{ type: "endpoint", name: CLUSTER, change: "changed" }]);
  assert.deepEqual(gone.proxies.items, ["api-1"]);
  assert.ok(gone.resources.items.every(({ change }: { change: string }) => change === "removed"));
  const endpoint = json.diff.items.find(({ field }: { field: string }) => field === "endpoints");
  assert.equal(endpoint.before, "127.1.1.2:8080 (zone zone-1, priority 0)");
  assert.ok(!("after" in endpoint));
});

test("only who may write may ask, and a preview that makes no sense is told so", async () => {
  const { api } = liveWorld();
  await put(api, ...shop(1));
  const secret = { type: "Secret", mesh: "default", name: "s", data: "c2VjcmV0" };
  const body = { changes: [asPut(secret)] };
  assert.equal((await api.callFromAfar("POST", "/_preview", body)).status, 403);
  assert.equal((await api.call("POST", "/_preview", body)).status, 200);
  for (const wrong of [
    "{",
    "[]",
    { changes: [] },
    { changes: [{ op: "patch", type: "Mesh", name: "default" }] },
    { changes: [{ op: "put", type: "Mesh", name: "default" }] },
  ]) {
    assert.equal((await api.call("POST", "/_preview", wrong)).status, 400, JSON.stringify(wrong));
  }
  const unsaid = await api.call("POST", "/_preview", { changes: [{ op: "delete", type: "Mesh" }] });
  assert.deepEqual(
    unsaid.json.invalid_parameters.map(({ field }: { field: string }) => field),
    ["changes[0].name"],
  );
  const readOnly = createWorld({ settings: { readOnly: true }, deps: { previews: liveWorld().previews } });
  const { json } = await readOnly.call("POST", "/_preview", {
    changes: [{ op: "delete", type: "Mesh", name: "default" }],
  });
  assert.equal(json.documents[0].problem.status, 405);
});
