import assert from "node:assert/strict";
import { test } from "node:test";
import type { Effects } from "./report.ts";
import { type LiveWorld, liveWorld, put } from "./testing/live-world.ts";

type Document = Readonly<Record<string, unknown>>;

const mesh = (routing: object): Document => ({
  type: "Mesh",
  name: "default",
  meshServices: { mode: "Exclusive" },
  routing,
});
const dataplane = (name: string, networking: object): Document => ({
  type: "Dataplane",
  mesh: "default",
  name,
  labels: { app: name, "kuma.io/workload": name },
  networking: { address: "127.0.1.1", ...networking },
});
const PAY: Document = {
  type: "MeshExternalService",
  mesh: "default",
  name: "pay",
  spec: {
    match: { type: "HostnameGenerator", port: 443, protocol: "http" },
    endpoints: [{ address: "pay.example", port: 443 }],
  },
};
const IDENTITY: Document = {
  type: "MeshIdentity",
  mesh: "default",
  name: "everybody",
  spec: {
    selector: { dataplane: { matchLabels: {} } },
    spiffeID: { trustDomain: "air.test", path: "/{{ .Workload }}" },
    provider: {
      type: "Bundled",
      bundled: { insecureAllowSelfSigned: true, autogenerate: { enabled: true } },
    },
  },
};
const permission = (name: string, list: "allow" | "deny", workload: string): Document => ({
  type: "MeshTrafficPermission",
  mesh: "default",
  name,
  spec: {
    targetRef: { kind: "Dataplane", labels: { "kuma.io/listener-zoneegress": "enabled" } },
    rules: [
      {
        default: {
          [list]: [
            {
              spiffeID: { type: "Exact", value: `spiffe://air.test/${workload}` },
              sni: { type: "Exact", value: "sni.extsvc.default.zone-1.pay.443" },
            },
          ],
        },
      },
    ],
  },
});
const WAY_OUT = dataplane("way-out", {
  address: "127.0.1.9",
  listeners: [{ type: "ZoneEgress", port: 10_002 }],
});

/** Two callers of `pay`, of which `web` has an outbound for it. */
async function leaving(): Promise<LiveWorld> {
  const live = liveWorld();
  const outbound = [{ port: 10_443, backendRef: { kind: "MeshExternalService", name: "pay" } }];
  await put(
    live.api,
    mesh({ zoneEgress: true }),
    IDENTITY,
    PAY,
    dataplane("web", { outbound }),
    dataplane("batch", {}),
    WAY_OUT,
  );
  live.world.mesh("default").stage.set("kri_mid_default_zone-1__everybody_", "enforced");
  return live;
}

async function pairs({ api }: LiveWorld, ...changes: readonly Document[]): Promise<readonly string[]> {
  const { status, json } = await api.call("POST", "/_preview", { changes });
  assert.equal(status, 200, JSON.stringify(json));
  const { access } = json as Effects;
  return access.items.map(
    ({ source, destination, port, outside, change, policy }) =>
      `${source} ${destination}:${port} ${outside} ${change} ${policy ?? "-"}`,
  );
}

const written = (resource: Document): Document => {
  const { type, mesh: inMesh, name } = resource;
  return { op: "put", type, name, resource, ...(inMesh === undefined ? {} : { mesh: inMesh }) };
};
const removed = ({ type, mesh: inMesh, name }: Document): Document => ({
  op: "delete",
  type,
  mesh: inMesh,
  name,
});

test("who would be let out and who not any more, at an egress", async () => {
  const live = await leaving();
  const allow = permission("pay", "allow", "web");
  assert.deepEqual(await pairs(live, written(allow)), [
    "web pay:443 egress newly-allowed kri_mtp_default_zone-1__pay_",
  ]);
  assert.deepEqual(await pairs(live, written(permission("no", "deny", "web"))), [], "it was denied before");
  await put(live.api, allow);
  assert.deepEqual(await pairs(live, written(permission("no", "deny", "web"))), [
    "web pay:443 egress newly-denied kri_mtp_default_zone-1__no_",
  ]);
  assert.deepEqual(await pairs(live, removed(allow)), ["web pay:443 egress newly-denied -"]);
});

test("an egress that goes, a mesh that is not left through one any more, and a service that goes", async () => {
  const live = await leaving();
  await put(live.api, permission("pay", "allow", "web"));
  assert.deepEqual(await pairs(live, removed(WAY_OUT)), [
    "batch pay:443 egress newly-unreachable -",
    "web pay:443 egress newly-unreachable -",
  ]);
  assert.deepEqual(await pairs(live, written(mesh({}))), [
    "batch pay:443 sidecar newly-unreachable -",
    "web pay:443 sidecar newly-unchecked -",
  ]);
  assert.deepEqual(await pairs(live, removed(PAY)), [
    "batch pay:443 egress disappears -",
    "web pay:443 egress disappears -",
  ]);
  await put(live.api, mesh({}));
  assert.deepEqual(await pairs(live, written(mesh({ zoneEgress: true }))), [
    "batch pay:443 egress newly-denied -",
    "web pay:443 egress newly-checked kri_mtp_default_zone-1__pay_",
  ]);
});
