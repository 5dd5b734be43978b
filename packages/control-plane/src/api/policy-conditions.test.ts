import assert from "node:assert/strict";
import { test } from "node:test";
import type { ProxyStatus } from "./ports.ts";
import { callingBytes, DB, document } from "./testing/bytes.ts";
import { createWorld } from "./testing/world.ts";

const KRI = "kri_mpp_default_zone-1__p_";
const status = (name: string, fields: Partial<ProxyStatus>): ProxyStatus => ({
  mesh: "default",
  name,
  state: "in-sync",
  connected: true,
  since: "2026-11-23T10:00:00Z",
  wantedRevision: 1,
  acknowledgedRevision: 1,
  resources: {},
  rejected: [],
  conditions: [],
  ...fields,
});

async function conditions(...proxies: readonly ProxyStatus[]) {
  const world = createWorld({ deps: { proxies: { list: () => proxies } } });
  await world.call("PUT", "/meshes/default", { type: "Mesh", name: "default" });
  const put = await world.call("PUT", "/meshes/default/meshproxypatches/p", {
    type: "MeshProxyPatch",
    mesh: "default",
    name: "p",
    spec: { default: { appendModifications: [{ cluster: { operation: "Remove", match: { name: "x" } } }] } },
  });
  assert.equal(put.status, 201, put.text);
  return await world.call("GET", "/meshes/default/meshproxypatches/p/_conditions");
}

test("a policy that everybody has taken", async () => {
  const { status: code, json } = await conditions(status("web-1", {}));
  assert.equal(code, 200);
  assert.deepEqual(
    json.conditions.map(({ type, status: is }: { type: string; status: string }) => `${type} ${is}`),
    ["Accepted True", "Applied True", "Effective True"],
  );
  assert.deepEqual(json.proxies, []);
});

test("who rejected it, and where it could not be done", async () => {
  const rejected = { type: "listener" as const, name: "l", message: "no", policies: ["kri_mt_x", KRI] };
  const { json } = await conditions(
    status("web-1", { rejected: [rejected] }),
    status("web-2", { rejected: [{ ...rejected, policies: ["kri_mt_x"] }] }),
    status("web-3", {
      conditions: [{ type: "NotPatched", message: "cannot", policy: KRI, resource: "cluster c" }],
    }),
  );
  assert.deepEqual(json.conditions.slice(0, 2), [
    { type: "Accepted", status: "False", reason: "Rejected", message: "1 proxy (web-1): listener l: no" },
    {
      type: "Applied",
      status: "False",
      reason: "NotPossible",
      message: "1 proxy (web-3): cluster c: cannot",
    },
  ]);
  assert.deepEqual(json.proxies, [
    { mesh: "default", name: "web-1", type: "listener", resource: "l", message: "no" },
    { mesh: "default", name: "web-3", type: "cluster", resource: "c", message: "cannot" },
  ]);
});

test("what it says that comes to nothing, and where", async () => {
  const retries = document("MeshRetry", "retries", {
    to: [{ targetRef: DB, default: { http: { numRetries: 1 } } }],
  });
  const api = await callingBytes(["web", "app"], retries);
  const { json } = await api.call("GET", "/meshes/default/meshretries/retries/_conditions");
  const message = "db:5432 speaks tcp only, so its HTTP part has no effect; set appProtocol on its port";
  assert.deepEqual(json.conditions[2], {
    type: "Effective",
    status: "False",
    reason: "NothingToActOn",
    message: `2 proxies (app-0, web-0): to[0]: ${message}`,
  });
  assert.deepEqual(
    json.proxies,
    ["app-0", "web-0"].map((name) => ({ mesh: "default", name, rule: "to[0]", message })),
  );
});

test("a policy that is not there", async () => {
  const world = createWorld();
  await world.call("PUT", "/meshes/default", { type: "Mesh", name: "default" });
  assert.equal((await world.call("GET", "/meshes/default/meshproxypatches/q/_conditions")).status, 404);
});

test("a trial's violations stop a write, and its warnings reach the writer", async () => {
  const put = async (violations: readonly { field: string; reason: string }[]) => {
    const world = createWorld({
      deps: {
        trial: async ({ type }) =>
          type === "Mesh" ? { violations: [], warnings: [] } : { violations, warnings: ["take care"] },
      },
    });
    await world.call("PUT", "/meshes/default", { type: "Mesh", name: "default" });
    const path = "/meshes/default/meshproxypatches/p";
    const appendModifications = [{ cluster: { operation: "Remove", match: { name: "x" } } }];
    const spec = { default: { appendModifications } };
    const answer = await world.call("PUT", path, {
      type: "MeshProxyPatch",
      mesh: "default",
      name: "p",
      spec,
    });
    return [answer, (await world.call("GET", path)).status] as const;
  };
  const [taken, after] = await put([]);
  assert.deepEqual([taken.status, taken.json.warnings, after], [201, ["take care"], 200]);
  const [refused, nothing] = await put([{ field: "spec.default", reason: "Envoy says no" }]);
  assert.deepEqual([refused.status, nothing], [400, 404]);
  assert.deepEqual(refused.json.invalid_parameters, [{ field: "spec.default", reason: "Envoy says no" }]);
});
