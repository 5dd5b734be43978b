import assert from "node:assert/strict";
import { test } from "node:test";
import { stored } from "../pipeline/testing/resources.ts";
import { openMemoryStore } from "../store/memory.ts";
import { warningsFor } from "./warnings.ts";

const DATAPLANE = {
  type: "Dataplane",
  mesh: "default",
  name: "web",
  labels: { app: "web" },
  networking: { address: "127.0.1.1", inbound: [{ port: 8080, protocol: "http" }] },
};
const timeout = (app: string, labels: object) =>
  stored(
    {
      type: "MeshTimeout",
      mesh: "default",
      name: "t",
      labels,
      spec: {
        targetRef: { kind: "Dataplane", labels: { app } },
        to: [{ targetRef: { kind: "Mesh" }, default: { idleTimeout: "1s" } }],
      },
    },
    2,
  );
const NOBODY = "spec.targetRef selects none of the dataplanes that are there now";

test("parts of a Dataplane that do nothing, and listeners in each other's way", () => {
  const store = openMemoryStore({ now: () => 0 });
  const warnings = (networking: object, more: object = {}) =>
    warningsFor(
      stored({ ...DATAPLANE, networking: { address: "127.0.0.1", ...networking }, ...more }, 1),
      store,
      () => false,
    );
  const to = (port: number, address?: string) => ({
    port,
    tags: { "kuma.io/service": "web" },
    ...(address === undefined ? {} : { address }),
  });
  assert.deepEqual(warnings({ inbound: [{ port: 80 }], outbound: [to(81), to(80, "127.0.0.2")] }), []);
  assert.deepEqual(warnings({ inbound: [{ port: 80, state: "Ignored" }], outbound: [to(80)] }), []);
  assert.deepEqual(warnings({ inbound: [{ port: 80 }], outbound: [to(80), to(81), to(81, "127.0.0.1")] }), [
    "networking.outbound[0]: 127.0.0.1:80 is taken by networking.inbound[0] already, so this outbound has no effect",
    "networking.outbound[2]: 127.0.0.1:81 is taken by networking.outbound[1] already, so this outbound has no effect",
  ]);
  const twins = [
    { port: 80, name: "a" },
    { port: 80, name: "b" },
  ];
  assert.deepEqual(warnings({ inbound: twins }), [
    "networking.inbound[0]: 127.0.0.1:80 is where networking.inbound[1] is, whose policies count, so this one has no effect; give both one name, or a port each",
  ]);
  for (const fine of [
    twins.map(({ port }) => ({ port, tags: { "kuma.io/service": "web" } })),
    twins.map((each, i) => ({ ...each, address: `127.0.0.${i + 1}` })),
    twins.map((each, i) => (i === 0 ? { ...each, state: "Ignored" } : each)),
  ])
    assert.deepEqual(warnings({ inbound: fine }), []);
  const [builtIn] = warnings({ gateway: { type: "BUILTIN" } });
  assert.match(builtIn ?? "", /^networking\.gateway\.tags: there are none, so no MeshGateway can select/);
  assert.deepEqual(warnings({ gateway: { type: "DELEGATED" } }), []);
  const [zone] = warnings({ listeners: [{ type: "ZoneEgress", port: 1 }] });
  assert.match(zone ?? "", /^networking\.listeners\[0\]: nothing listens for ZoneEgress/);
  const probed = { port: 80, serviceProbe: { tcp: {} } };
  assert.match(
    warnings({
      address: "web.example.com",
      inbound: [probed, { ...probed, serviceAddress: "10.0.0.1" }],
    }).join(),
    /^networking\.inbound\[0\]\.serviceProbe: cannot be made to the name "web\.example\.com"[^[]*$/,
  );
  const more = { probes: { port: 1 }, metrics: { type: "prometheus" } };
  assert.deepEqual(
    warnings({}, more).map((each) => each.split(":")[0]),
    ["probes", "metrics"],
  );
});

test("a policy on trial is judged as if it were in force", async () => {
  const store = openMemoryStore({ now: () => 0 });
  await store.write([{ op: "put", resource: stored(DATAPLANE, 1) }]);
  for (const labels of [{}, { "kuma.io/effect": "shadow" }]) {
    const warnings = (app: string) => warningsFor(timeout(app, labels), store, () => true);
    assert.deepEqual(warnings("web"), []);
    assert.deepEqual(warnings("wbe"), [NOBODY]);
  }
});

test("outbounds beside transparent proxying are a contradiction to come", () => {
  const store = openMemoryStore({ now: () => 0 });
  const warnings = (networking: object) => {
    const dataplane = { ...DATAPLANE, networking: { ...DATAPLANE.networking, ...networking } };
    return warningsFor(stored(dataplane, 1), store, () => false);
  };
  const outbound = [{ port: 10_080, tags: { "kuma.io/service": "backend" } }];
  const transparentProxying = { redirectPortInbound: 15_006, redirectPortOutbound: 15_001 };
  assert.deepEqual(warnings({ outbound }), []);
  assert.deepEqual(warnings({ transparentProxying }), []);
  assert.match(warnings({ outbound, transparentProxying })[0] ?? "", /^networking\.outbound: is not needed/);
});

test("a rule about one port of a service: by its protocol, and told where there is no such port", async () => {
  const store = openMemoryStore({ now: () => 0 });
  const ports = [
    { name: "web", port: 80, appProtocol: "http" },
    { name: "db", port: 3306, appProtocol: "mysql" },
  ];
  const service = stored({ type: "MeshService", mesh: "default", name: "air", spec: { ports } }, 1);
  await store.write([{ op: "create", resource: service }]);
  const warned = (sectionName?: string) => {
    const targetRef = { kind: "MeshService", name: "air", ...(sectionName ? { sectionName } : {}) };
    const to = [{ targetRef, default: { http: { requestTimeout: "1s" } } }];
    return warningsFor(
      stored({ type: "MeshTimeout", mesh: "default", name: "t", spec: { to } }, 2),
      store,
      () => true,
    );
  };
  for (const section of [undefined, "web", "80"]) assert.deepEqual(warned(section), [], section);
  for (const section of ["db", "3306"]) {
    assert.deepEqual(warned(section), [
      'spec.to[0].default: MeshService "air" speaks tcp only, so its HTTP part has no effect; set appProtocol on its port',
    ]);
  }
  assert.deepEqual(warned("wbe"), [
    'spec.to[0].targetRef.sectionName: MeshService "air" has no port "wbe" (it has: web, db), so this rule has no effect',
  ]);
});
