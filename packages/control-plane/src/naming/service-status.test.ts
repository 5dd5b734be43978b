import assert from "node:assert/strict";
import { test } from "node:test";
import type { MeshServiceResource } from "@skein/model";
import { type ServiceStatusInput, withStatus } from "./service-status.ts";
import { dataplane, inbound, testWorld, userService } from "./testing/resources.ts";

const ports = [{ port: 80, targetPort: 80, appProtocol: "tcp" }];
const selector = { dataplaneTags: { "kuma.io/service": "api" } };

function status(service: MeshServiceResource, more: Partial<ServiceStatusInput> = {}) {
  const { facts } = testWorld();
  const input = { members: [dataplane("a", [inbound("api", 80)])], tlsEnabled: true, facts, ...more };
  return { draft: withStatus(service, input), input };
}

test("counts, state, identities and TLS follow from the dataplanes, and settle", () => {
  const { draft, input } = status(userService("api", { ports, selector }));
  assert.deepEqual(draft.status, {
    tls: { status: "Ready" },
    dataplaneProxies: { connected: 1, healthy: 1, total: 1 },
  });
  assert.equal(draft.spec.state, "Available");
  assert.deepEqual(draft.spec.identities, [
    { type: "ServiceTag", value: "api" },
    { type: "SpiffeID", value: "spiffe://demo/a" },
  ]);
  assert.equal(withStatus(draft, input), draft);
});

test("a proxy is healthy when each port has an inbound that takes traffic", () => {
  const two = [...ports, { port: 81, targetPort: "admin", appProtocol: "tcp" }];
  const admin = inbound("api", 8081, { name: "admin" });
  const healthy = (
    service: MeshServiceResource["spec"]["ports"],
    ...members: ServiceStatusInput["members"]
  ) =>
    status(userService("api", { ports: service, selector }), { members }).draft.status?.dataplaneProxies
      ?.healthy;
  assert.equal(healthy(two, dataplane("a", [inbound("api", 80), admin])), 1);
  assert.equal(healthy(two, dataplane("a", [inbound("api", 80)])), 0);
  assert.equal(healthy(ports, dataplane("a", [inbound("api", 80, { state: "NotReady" })])), 0);
  assert.equal(healthy(ports, dataplane("a", [inbound("api", 80, { health: { ready: false } })])), 0);
  assert.equal(healthy(ports, dataplane("a", [inbound("other", 80), inbound("api", 81)])), 0);
  const untargeted = [{ port: 80, appProtocol: "tcp" }];
  assert.equal(healthy(untargeted, dataplane("a", [inbound("api", 80)])), 1);
  assert.equal(healthy(untargeted, dataplane("a", [inbound("api", 81, { name: "80" })])), 0);
});

test("a service tag of every inbound is listed, or the workload where there is none; each once", () => {
  const members = [
    dataplane("a", [inbound("api", 80), inbound("web", 81)]),
    dataplane("b", [inbound("api", 80)]),
    dataplane("c", [inbound(undefined, 80)], { labels: { "kuma.io/workload": "job" } }),
  ];
  const facts = { ...testWorld().facts, identitiesOf: () => ["spiffe://demo/z", "spiffe://demo/a"] };
  const { draft } = status(userService("api", { ports }), { members, facts });
  assert.deepEqual(
    draft.spec.identities?.map(({ value }) => value),
    ["api", "job", "web", "spiffe://demo/a", "spiffe://demo/z"],
  );
});

test("TLS is ready when all proxies accept it, stays so, and ends with the mesh's TLS", () => {
  const refusing = { ...testWorld().facts, acceptsTls: () => false };
  const tls = (service: MeshServiceResource, more: Partial<ServiceStatusInput>) =>
    status(service, more).draft.status?.tls?.status;
  const fresh = userService("api", { ports });
  const ready = userService("api", { ports }, { status: { tls: { status: "Ready" } } });
  assert.equal(tls(fresh, { facts: refusing }), "NotReady");
  assert.equal(tls(ready, { facts: refusing }), "Ready");
  assert.equal(tls(ready, { tlsEnabled: false }), "NotReady");
  assert.equal(tls(fresh, { facts: refusing, members: [] }), "Ready");
});

test("without proxies a service is unavailable and has no identities; a copy of another zone's is left alone", () => {
  const stored = userService("api", {
    ports,
    state: "Available",
    identities: [{ type: "ServiceTag", value: "api" }],
  });
  const { draft } = status(stored, { members: [] });
  assert.equal(draft.spec.state, "Unavailable");
  assert.equal(draft.spec.identities, undefined);
  const copy = { ...stored, labels: { "kuma.io/origin": "global" } };
  assert.equal(status(copy, { members: [] }).draft, copy);
});
