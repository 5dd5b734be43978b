import assert from "node:assert/strict";
import { test } from "node:test";
import type { Fragment } from "../xds/fragment.ts";
import { Documents, ZONE } from "./testing/resources.ts";
import { World } from "./world.ts";

/* Callers that see a destination's instances alike share them; an instance that comes costs one resource per view. */

const API = "kri_msvc_default_east__api_80";
const OTHER = "kri_msvc_default_east__other_80";

const caller = (name: string, rack: string) => ({
  type: "Dataplane",
  mesh: "default",
  name,
  labels: { app: "web", rack },
  networking: {
    address: `127.0.1.${name.split("-")[1]}`,
    inbound: [{ port: 8080, protocol: "http" }],
    outbound: ["api", "other"].map((service, i) => ({
      port: 10080 + i,
      backendRef: { kind: "MeshService", name: service, port: 80 },
    })),
  },
});
const instance = (name: string, rack: string, zone = ZONE) => ({
  type: "Dataplane",
  mesh: "default",
  name,
  labels: { app: "api" },
  networking: {
    address: `127.0.2.${name.split("-")[1]}`,
    inbound: [
      { port: 8080, protocol: "http", tags: { "kuma.io/service": "api", "kuma.io/zone": zone, rack } },
    ],
  },
});
const service = (name: string) => ({
  type: "MeshService",
  mesh: "default",
  name,
  spec: {
    selector: { dataplaneLabels: { matchLabels: { app: "api" } } },
    ports: [{ port: 80, targetPort: 8080, appProtocol: "http" }],
  },
});
const strategy = (targetRef: unknown, localityAwareness: unknown) => ({
  type: "MeshLoadBalancingStrategy",
  mesh: "default",
  name: "near",
  spec: {
    targetRef,
    to: [{ targetRef: { kind: "MeshService", name: "api" }, default: { localityAwareness } }],
  },
});
const BY_RACK = { localZone: { affinityTags: [{ key: "rack" }] } };

/** Two callers in one rack, one in another, and one that no strategy selects. */
function settled(localityAwareness: unknown = BY_RACK) {
  const world = new World({ zone: ZONE });
  const documents = new Documents();
  const plain = { ...caller("plain-9", "r1"), labels: { app: "plain", rack: "r1" } };
  documents.put(
    world,
    { type: "Mesh", name: "default", meshServices: { mode: "Exclusive" } },
    caller("web-1", "r1"),
    caller("web-2", "r1"),
    caller("web-3", "r2"),
    plain,
    service("api"),
    service("other"),
    instance("api-1", "r1"),
    instance("api-2", "r2"),
    instance("api-3", "r3", "west"),
    strategy({ kind: "Dataplane", labels: { app: "web" } }, localityAwareness),
  );
  const mesh = world.mesh("default");
  const endpoints = (name: string, cluster = API): Fragment => {
    const fragment = mesh.config.at(name).get()?.endpoints.get(cluster);
    assert.ok(fragment !== undefined, `${name} has no endpoints of ${cluster}`);
    return fragment;
  };
  const view = (name: string) => mesh.planner.plan.at(name).get()?.outbounds[0]?.view;
  return { world, documents, mesh, endpoints, view };
}
const CALLERS = ["web-1", "web-2", "web-3", "plain-9"] as const;

test("equal policies and equal values are one view, one plan and one resource", () => {
  const { mesh, endpoints, view } = settled();
  assert.equal(view("web-1"), view("web-2"));
  assert.notEqual(view("web-1"), view("web-3"));
  assert.equal(view("plain-9"), undefined);
  const plan = (name: string) => mesh.planner.endpoints.at("api|80", view(name)).get();
  assert.equal(plan("web-1"), plan("web-2"));
  assert.equal(endpoints("web-1"), endpoints("web-2"));
  assert.equal(new Set(CALLERS.map((name) => endpoints(name))).size, 3);
});

test("where no strategy says anything of localities, everybody shares", () => {
  const { endpoints } = settled();
  assert.equal(new Set(CALLERS.map((name) => endpoints(name, OTHER))).size, 1);
  const indifferent = settled({ disabled: false });
  assert.equal(new Set(CALLERS.map((name) => indifferent.endpoints(name))).size, 1);
});

test("an instance comes: one resource for each view, and no plan is made anew", () => {
  const { world, documents, mesh, endpoints } = settled();
  const before = CALLERS.map((name) => ({ name, config: mesh.config.at(name).get() }));
  const plans = CALLERS.map((name) => mesh.planner.plan.at(name).get());
  documents.put(world, instance("api-4", "r1"));
  assert.deepEqual(
    CALLERS.map((name) => mesh.planner.plan.at(name).get()),
    plans,
  );
  for (const { name, config } of before) {
    assert.equal(mesh.config.at(name).get()?.clusters.get(API), config?.clusters.get(API));
    assert.notEqual(endpoints(name), config?.endpoints.get(API));
  }
  assert.equal(endpoints("web-1"), endpoints("web-2"));
  assert.equal(new Set(CALLERS.map((name) => endpoints(name))).size, 3);
});

test("an instance that a view leaves out costs its callers nothing", () => {
  const { world, documents, endpoints } = settled();
  const before = CALLERS.map((name) => endpoints(name));
  documents.put(world, instance("api-4", "r1", "west"));
  assert.deepEqual(
    CALLERS.map((name, i) => endpoints(name) === before[i]),
    [true, true, true, false],
  );
});

test("endpoints name the policies that grouped them", () => {
  const { endpoints } = settled();
  assert.deepEqual(endpoints("web-1").origins, ["kri_mlbs_default_east__near_"]);
  assert.deepEqual(endpoints("plain-9").origins, []);
});

test("a caller that moves sees what those in its new rack see", () => {
  const { world, documents, endpoints } = settled();
  documents.put(world, caller("web-3", "r1"));
  assert.equal(endpoints("web-3"), endpoints("web-1"));
});
