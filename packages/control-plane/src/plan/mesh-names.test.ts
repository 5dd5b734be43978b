import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Documents, ZONE } from "../pipeline/testing/resources.ts";
import { World } from "../pipeline/world.ts";
import { dnsRecords, statusRecords } from "./mesh-names.ts";
import { UNKNOWN_NODE } from "./node-facts.ts";

describe("records of a service", () => {
  test("lead from each hostname to all its addresses", () => {
    assert.deepEqual(
      statusRecords({
        addresses: [{ hostname: "a.mesh" }, { hostname: "A.example.org" }, {}],
        vips: [{ ip: "241.0.0.1" }, { ip: "fd00::1" }, {}],
      }),
      [
        { name: "a.mesh", ips: ["241.0.0.1", "fd00::1"] },
        { name: "a.example.org", ips: ["241.0.0.1", "fd00::1"] },
      ],
    );
  });

  test("of an external service lead to its one address", () => {
    assert.deepEqual(statusRecords({ addresses: [{ hostname: "db.mesh" }], vip: { ip: "242.0.0.1" } }), [
      { name: "db.mesh", ips: ["242.0.0.1"] },
    ]);
  });

  test("are none while it has no address, or no hostname", () => {
    assert.deepEqual(statusRecords({}), []);
    assert.deepEqual(statusRecords({ addresses: [{ hostname: "a.mesh" }], vips: [{}] }), []);
    assert.deepEqual(statusRecords({ vips: [{ ip: "241.0.0.1" }] }), []);
  });
});

describe("records of a proxy", () => {
  const a = { name: "a.mesh", ips: ["241.0.0.1", "fd00::1"] };
  const b = { name: "b.mesh", ips: ["241.0.0.2"] };

  test("are those that it has outbounds for, sorted by name", () => {
    assert.deepEqual(dnsRecords([b, a], new Set(["241.0.0.1", "241.0.0.2", "fd00::1"])), [a, b]);
    assert.deepEqual(dnsRecords([b, a], new Set(["241.0.0.1"])), [{ name: "a.mesh", ips: ["241.0.0.1"] }]);
    assert.deepEqual(dnsRecords([b, a], new Set()), []);
  });

  test("are the first service's where two have one name", () => {
    const twin = { name: "a.mesh", ips: ["241.0.0.3"] };
    assert.deepEqual(dnsRecords([a, twin], new Set(["241.0.0.1", "241.0.0.3"])), [
      { name: "a.mesh", ips: ["241.0.0.1"] },
    ]);
    assert.deepEqual(dnsRecords([a, twin], new Set(["241.0.0.3"])), [twin], "the first one is not reached");
  });
});

describe("in a mesh", () => {
  const service = (name: string, hostname: string, ip: string) => ({
    type: "MeshService",
    mesh: "default",
    name,
    spec: {
      selector: { dataplaneLabels: { matchLabels: { app: name } } },
      ports: [{ port: 80, targetPort: 8080 }],
    },
    status: { addresses: [{ hostname }], vips: [{ ip }] },
  });
  const caller = (
    name: string,
    ...services: readonly (readonly [name: string, ip: string, kind?: string])[]
  ) => ({
    type: "Dataplane",
    mesh: "default",
    name,
    networking: {
      address: "127.0.0.1",
      inbound: [{ port: 8080 }],
      outbound: services.map(([name, address, kind = "MeshService"]) => ({
        ...{ address, port: 80 },
        backendRef: { kind, name, port: 80 },
      })),
    },
  });

  function world() {
    const world = new World({ zone: ZONE });
    const documents = new Documents();
    documents.put(
      world,
      { type: "Mesh", name: "default", meshServices: { mode: "Exclusive" } },
      service("one", "one.mesh", "241.0.0.1"),
      service("two", "two.mesh", "241.0.0.2"),
      caller("a", ["one", "241.0.0.1"]),
      caller("b", ["one", "241.0.0.1"]),
      caller("c", ["two", "241.0.0.2"]),
    );
    const mesh = world.mesh("default");
    for (const name of ["a", "b", "c"]) {
      mesh.node.set(name, { ...UNKNOWN_NODE, dynamicConfigSocket: `/run/${name}.sock` });
    }
    const routes = (name: string) => mesh.config.at(name).get()?.routes.get("system_dynamicconfig");
    const listener = (name: string) => mesh.config.at(name).get()?.listeners.get("system_dynamicconfig");
    const names = (name: string) =>
      mesh.planner.plan
        .at(name)
        .get()
        ?.dns?.records.map((each) => each.name);
    return { world, documents, mesh, routes, listener, names };
  }

  test("proxies that know the same names share what says so", () => {
    const { routes, listener, names } = world();
    assert.deepEqual([names("a"), names("b"), names("c")], [["one.mesh"], ["one.mesh"], ["two.mesh"]]);
    assert.ok(routes("a") !== undefined);
    assert.equal(routes("a"), routes("b"));
    assert.notEqual(routes("a"), routes("c"));
    assert.notEqual(listener("a"), listener("b"), "each has a socket of its own");
  });

  test("names of every kind of service are known", () => {
    const { world: live, documents, names } = world();
    documents.put(
      live,
      {
        ...{ type: "MeshExternalService", mesh: "default", name: "db" },
        spec: {
          match: { type: "HostnameGenerator", port: 80, protocol: "tcp" },
          endpoints: [{ address: "192.0.2.1", port: 80 }],
        },
        status: { addresses: [{ hostname: "db.mesh" }], vip: { ip: "242.0.0.1" } },
      },
      {
        ...{ type: "MeshMultiZoneService", mesh: "default", name: "all" },
        spec: {
          selector: { meshService: { matchLabels: { app: "one" } } },
          ports: [{ port: 80, appProtocol: "tcp" }],
        },
        status: { addresses: [{ hostname: "all.mesh" }], vips: [{ ip: "243.0.0.1" }] },
      },
      caller(
        "a",
        ["one", "241.0.0.1"],
        ["db", "242.0.0.1", "MeshExternalService"],
        ["all", "243.0.0.1", "MeshMultiZoneService"],
      ),
    );
    live.apply([
      {
        before: undefined,
        after: {
          ...{
            type: "TaggedService",
            mesh: "default",
            name: "old",
            labels: {},
            revision: 99,
            spec: { ports: [80] },
          },
          ...{ creationTime: "2026-01-01T00:00:00Z", modificationTime: "2026-01-01T00:00:00Z" },
          status: { addresses: [{ hostname: "old.mesh" }], vips: [{ ip: "241.0.0.1" }] },
        },
      },
    ]);
    assert.deepEqual(names("a"), ["all.mesh", "db.mesh", "old.mesh", "one.mesh"]);
  });

  test("a change of a name concerns the proxies that know it, and no listener", () => {
    const { world: live, documents, routes, listener, names } = world();
    const before = { a: routes("a"), c: routes("c"), listener: listener("a") };
    documents.put(live, service("one", "uno.mesh", "241.0.0.1"));
    assert.deepEqual(names("a"), ["uno.mesh"]);
    assert.notEqual(routes("a"), before.a);
    assert.equal(routes("c"), before.c);
    assert.equal(listener("a"), before.listener);
    documents.delete(live, "MeshService", "default", "one");
    assert.deepEqual(names("a"), []);
  });

  test("a launcher that serves no DNS is told nothing", () => {
    const { mesh, listener, routes } = world();
    mesh.node.set("a", UNKNOWN_NODE);
    assert.deepEqual([listener("a"), routes("a")], [undefined, undefined]);
    assert.equal(mesh.planner.plan.at("a").get()?.dns, undefined);
  });
});
