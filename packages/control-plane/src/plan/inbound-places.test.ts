import assert from "node:assert/strict";
import { test } from "node:test";
import { Documents, ZONE } from "../pipeline/testing/resources.ts";
import { World } from "../pipeline/world.ts";

/** What a proxy with these inbounds serves, and what its plan says of that. */
function served(...inbound: readonly object[]) {
  const world = new World({ zone: ZONE });
  const documents = new Documents();
  documents.put(world, { type: "Mesh", name: "default", meshServices: { mode: "Exclusive" } });
  const networking = { address: "127.0.2.1", inbound };
  documents.put(world, { type: "Dataplane", mesh: "default", name: "web", networking });
  const plan = world.mesh("default").planner.plan.at("web").get();
  return {
    inbounds: plan?.inbounds.map(({ section, address, port }) => `${section} ${address}:${port}`),
    conditions: plan?.conditions.filter(({ type }) => type === "AddressTaken").map(({ message }) => message),
  };
}

test("of several inbounds at one address and port the last is served, and that is said where the others have other names", () => {
  assert.deepEqual(served({ port: 80, name: "a" }, { port: 81 }, { port: 80, name: "b" }), {
    inbounds: ["b 127.0.2.1:80", "81 127.0.2.1:81"],
    conditions: [
      'networking.inbound "a" has no effect: 127.0.2.1:80 is where "b" is, whose policies count; give both one name, or a port each',
    ],
  });
  // Two services of one port, as older documents have them.
  const tagged = (service: string) => ({ port: 80, tags: { "kuma.io/service": service } });
  assert.deepEqual(served(tagged("a"), tagged("b")), { inbounds: ["80 127.0.2.1:80"], conditions: [] });
});

test("inbounds at other addresses, or ignored ones, are in nobody's way", () => {
  assert.deepEqual(
    served(
      { port: 80, name: "a" },
      { port: 80, name: "b", address: "127.0.2.2" },
      { port: 80, name: "c", state: "Ignored" },
    ),
    { inbounds: ["a 127.0.2.1:80", "b 127.0.2.2:80"], conditions: [] },
  );
});
