import assert from "node:assert/strict";
import { test } from "node:test";
import { Documents, ZONE } from "../pipeline/testing/resources.ts";
import { World } from "../pipeline/world.ts";
import { UNKNOWN_NODE } from "./node-facts.ts";

/** What a proxy with these inbounds serves, and what its plan says of that. Its Envoy has an admin interface at port 9901. */
function served(...inbound: readonly object[]) {
  const world = new World({ zone: ZONE });
  const documents = new Documents();
  documents.put(world, { type: "Mesh", name: "default", meshServices: { mode: "Exclusive" } });
  const networking = { address: "127.0.2.1", inbound };
  documents.put(world, { type: "Dataplane", mesh: "default", name: "web", networking });
  const mesh = world.mesh("default");
  mesh.node.set("web", { ...UNKNOWN_NODE, adminSocket: "/run/admin.sock", adminPort: 9901 });
  const plan = mesh.planner.plan.at("web").get();
  return {
    inbounds: plan?.inbounds.map(({ section, address, port }) => `${section} ${address}:${port}`),
    conditions: plan?.conditions.filter(({ type }) => type === "AddressTaken").map(({ message }) => message),
    hasAdmin: plan?.admin !== undefined,
  };
}

test("of several inbounds at one address and port the last is served, and that is said where the others have other names", () => {
  assert.deepEqual(served({ port: 80, name: "a" }, { port: 81 }, { port: 80, name: "b" }), {
    inbounds: ["b 127.0.2.1:80", "81 127.0.2.1:81"],
    conditions: [
      'networking.inbound "a" has no effect: 127.0.2.1:80 is where "b" is, whose policies count; give both one name, or a port each',
    ],
    hasAdmin: true,
  });
  // Two services of one port, as older documents have them.
  const tagged = (service: string) => ({ port: 80, tags: { "kuma.io/service": service } });
  const { inbounds, conditions } = served(tagged("a"), tagged("b"));
  assert.deepEqual([inbounds, conditions], [["80 127.0.2.1:80"], []]);
});

test("inbounds at other addresses, or ignored ones, are in nobody's way", () => {
  const { inbounds, conditions } = served(
    { port: 80, name: "a" },
    { port: 80, name: "b", address: "127.0.2.2" },
    { port: 80, name: "c", state: "Ignored" },
  );
  assert.deepEqual([inbounds, conditions], [["a 127.0.2.1:80", "b 127.0.2.2:80"], []]);
});

test("an inbound comes before Envoy's admin interface", () => {
  const { inbounds, conditions, hasAdmin } = served({ port: 9901 });
  assert.deepEqual([inbounds, hasAdmin], [["9901 127.0.2.1:9901"], false]);
  assert.match(
    conditions?.join() ?? "",
    /^127\.0\.2\.1:9901 is where an inbound or listener is, so .* set networking\.admin\.port/,
  );
  assert.deepEqual(served({ port: 9901, address: "127.0.2.2" }).conditions, []);
});
