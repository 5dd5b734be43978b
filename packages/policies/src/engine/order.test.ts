import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { policy } from "../testing/resources.ts";
import { comparePolicies, compareTo } from "./order.ts";
import type { PolicyResource, TargetRef } from "./policy-resource.ts";

const top = (targetRef: TargetRef | undefined, labels: Record<string, string> = {}, name = "p") =>
  policy(targetRef === undefined ? {} : { targetRef }, { labels, name });

const dataplane: TargetRef = { kind: "Dataplane" };
const gateway: TargetRef = { kind: "MeshGateway", name: "edge" };
const ZONE = { "kuma.io/origin": "zone" };
const GLOBAL = { "kuma.io/origin": "global" };
const role = (name: string) => ({ "kuma.io/policy-role": name });

const wins: readonly [about: string, winner: PolicyResource, loser: PolicyResource][] = [
  ["Dataplane over Mesh", top(dataplane), top({ kind: "Mesh" })],
  ["Dataplane over no targetRef", top(dataplane), top(undefined)],
  [
    "MeshSubset over Dataplane",
    top({ kind: "MeshSubset" }),
    top({ ...dataplane, name: "x", sectionName: "y" }),
  ],
  ["MeshGateway over MeshSubset", top(gateway), top({ kind: "MeshSubset" })],
  ["MeshService over MeshGateway", top({ kind: "MeshService" }), top({ ...gateway, tags: { a: "b" } })],
  ["a gateway's listeners over the gateway", top({ ...gateway, tags: { a: "b" } }), top(gateway)],
  [
    "more tags of listeners over fewer",
    top({ ...gateway, tags: { a: "b", c: "d" } }),
    top({ ...gateway, tags: { e: "f" } }),
  ],
  [
    "the origin over the tags of listeners",
    top(gateway, ZONE),
    top({ ...gateway, tags: { a: "b" } }, GLOBAL),
  ],
  [
    "the tags of listeners over the role",
    top({ ...gateway, tags: { a: "b" } }),
    top(gateway, role("producer")),
  ],
  [
    "the tags of listeners over the name",
    top({ ...gateway, tags: { a: "b" } }, {}, "z"),
    top(gateway, {}, "a"),
  ],
  ["MeshService over MeshSubset", top({ kind: "MeshService" }), top({ kind: "MeshSubset" })],
  ["MeshServiceSubset over MeshService", top({ kind: "MeshServiceSubset" }), top({ kind: "MeshService" })],
  ["by name over by labels", top({ ...dataplane, name: "x" }), top({ ...dataplane, labels: { a: "b" } })],
  [
    "by name over labels and section",
    top({ ...dataplane, name: "x" }),
    top({ ...dataplane, labels: { a: "b" }, sectionName: "http" }),
  ],
  ["with a section over without", top({ ...dataplane, sectionName: "http" }), top(dataplane)],
  ["the zone's own over the global one", top(dataplane, ZONE), top(dataplane, GLOBAL)],
  ["the zone's own over one of unknown origin", top(dataplane, ZONE), top(dataplane)],
  ["one of unknown origin over the global one", top(dataplane), top(dataplane, GLOBAL)],
  ["the target over the origin", top(dataplane, GLOBAL), top({ kind: "Mesh" }, ZONE)],
  [
    "MeshGateway with more tags",
    top({ kind: "MeshGateway", name: "g", tags: { a: "1", b: "2" } }),
    top({ kind: "MeshGateway", name: "g", tags: { c: "3" } }, role("producer")),
  ],
  ["producer over system", top(dataplane, role("producer")), top(dataplane)],
  ["consumer over producer", top(dataplane, role("consumer")), top(dataplane, role("producer"))],
  ["workload owner over consumer", top(dataplane, role("workload-owner")), top(dataplane, role("consumer"))],
  [
    "the origin over the role",
    top(dataplane, ZONE),
    top(dataplane, { ...GLOBAL, ...role("workload-owner") }),
  ],
  ["the first name in the alphabet", top(dataplane, {}, "a"), top(dataplane, {}, "b")],
  [
    "the first display name, whatever the name",
    top(dataplane, { "kuma.io/display-name": "a" }, "z"),
    top(dataplane, { "kuma.io/display-name": "b" }, "y"),
  ],
  ["the role over the name", top(dataplane, role("producer"), "z"), top(dataplane, {}, "a")],
];

for (const [about, winner, loser] of wins) {
  test(`precedence: ${about}`, () => {
    assert.ok(comparePolicies(winner, loser) > 0);
    assert.ok(comparePolicies(loser, winner) < 0);
  });
}

test("a bare Dataplane ties with one that has labels, so the name decides", () => {
  assert.ok(comparePolicies(top(dataplane, {}, "a"), top({ ...dataplane, labels: { a: "b" } }, {}, "b")) > 0);
});

test("targets of to entries: mesh, service, port of a service, and on", () => {
  const ascending: readonly TargetRef[] = [
    { kind: "Mesh" },
    { kind: "MeshService", name: "b" },
    { kind: "MeshService", name: "a", sectionName: "http" },
    { kind: "MeshExternalService", name: "a" },
    { kind: "MeshMultiZoneService", name: "a" },
    { kind: "MeshHTTPRoute", name: "a" },
  ];
  assert.deepEqual(ascending.toReversed().sort(compareTo), ascending);
});

const labels = fc.record(
  {
    "kuma.io/origin": fc.constantFrom("zone", "global"),
    "kuma.io/policy-role": fc.constantFrom("system", "producer", "consumer", "workload-owner"),
    "kuma.io/display-name": fc.constantFrom("a", "b"),
  },
  { requiredKeys: [] },
);
const target = fc.oneof(
  fc.constant(undefined),
  fc.record({ kind: fc.constantFrom("Mesh", "MeshSubset", "MeshService", "MeshServiceSubset") }),
  fc.record(
    {
      kind: fc.constant("Dataplane"),
      name: fc.constant("n"),
      labels: fc.constant({ a: "b" }),
      sectionName: fc.constant("s"),
    },
    { requiredKeys: ["kind"] },
  ),
  fc.record(
    {
      kind: fc.constant("MeshGateway"),
      name: fc.constantFrom("g", "h"),
      tags: fc.dictionary(fc.constantFrom("a", "b"), fc.constant("1")),
    },
    { requiredKeys: ["kind", "name"] },
  ),
);
const anyPolicy = fc
  .tuple(target, labels, fc.constantFrom("p", "q", "r"))
  .map(([targetRef, given, name]) => top(targetRef, given, name));

test("the order is total: antisymmetric, transitive, and only the same policy is equal to itself", () => {
  fc.assert(
    fc.property(anyPolicy, anyPolicy, anyPolicy, (a, b, c) => {
      assert.equal(Math.sign(comparePolicies(a, b)), -Math.sign(comparePolicies(b, a)) + 0);
      if (comparePolicies(a, b) <= 0 && comparePolicies(b, c) <= 0) assert.ok(comparePolicies(a, c) <= 0);
      if (a.name !== b.name) assert.notEqual(comparePolicies(a, b), 0);
    }),
  );
});
