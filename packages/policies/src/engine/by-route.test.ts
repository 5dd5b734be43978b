import assert from "node:assert/strict";
import { test } from "node:test";
import { destination, policy } from "../testing/resources.ts";
import { byRoute, forRoute } from "./by-route.ts";
import type { TargetRef } from "./policy-resource.ts";

const ROUTE = {
  kind: "MeshHTTPRoute" as const,
  kri: "kri_mhttpr_default_east_shop_r_",
  name: "r-abc",
  labels: { "kuma.io/display-name": "r", "k8s.kuma.io/namespace": "shop", team: "a" },
};
const MESH: TargetRef = { kind: "Mesh" };
const SERVICE: TargetRef = { kind: "MeshService", name: "backend" };
const route = (ref: object): TargetRef => ({ kind: "MeshHTTPRoute", ...ref });

const plan = (...entries: (readonly [TargetRef, object])[]) =>
  byRoute<Record<string, number>>(
    {
      policies: [policy({ to: entries.map(([targetRef, conf]) => ({ targetRef, default: conf })) })],
      destination: destination(),
      routes: [ROUTE],
    },
    "mt",
  );
const ofRoute = (...entries: (readonly [TargetRef, object])[]) =>
  forRoute(plan(...entries), { policy: ROUTE.kri })?.conf;

test("a route that no entry is about has what its service has", () => {
  assert.deepEqual(ofRoute([MESH, { a: 1, b: 1 }], [SERVICE, { a: 2 }]), { a: 2, b: 1 });
});

test("an entry about a route takes the mesh's fields, not its service's", () => {
  const entries = [
    [MESH, { a: 1, b: 1, c: 1 }],
    [SERVICE, { a: 2, b: 2 }],
    [route({ name: "r" }), { a: 3 }],
  ] as const;
  assert.deepEqual(ofRoute(...entries), { a: 3, b: 1, c: 1 });
  assert.deepEqual(plan(...entries)?.conf, { a: 2, b: 2, c: 1 });
  assert.equal(plan(...entries)?.routes?.[ROUTE.kri]?.origins.a?.rule, "to[2]");
});

test("an older policy that names a route at the top is about its requests alone", () => {
  const old = (name: string) =>
    policy({ targetRef: route({ name }), to: [{ targetRef: MESH, default: { a: 5 } }] }, { name: "old" });
  const everybody = policy({ to: [{ targetRef: MESH, default: { a: 1, b: 1 } }] }, { name: "everybody" });
  const of = (name: string) =>
    byRoute<Record<string, number>>(
      { policies: [old(name), everybody], destination: destination(), routes: [ROUTE] },
      "mt",
    );
  assert.deepEqual(of("r")?.conf, { a: 1, b: 1 });
  assert.deepEqual(forRoute(of("r"), { policy: ROUTE.kri })?.conf, { a: 5, b: 1 });
  assert.equal(of("other")?.routes, undefined);
});

test("what no route takes has what the service has", () => {
  assert.deepEqual(forRoute(plan([MESH, { a: 1 }], [route({ name: "r" }), { a: 3 }]), {})?.conf, { a: 1 });
});

const refs: readonly [about: string, ref: object, hit: boolean][] = [
  ["its name", { name: "r-abc" }, true],
  ["its display name", { name: "r" }, true],
  ["another name", { name: "x" }, false],
  ["its namespace", { name: "r", namespace: "shop" }, true],
  ["another namespace", { name: "r", namespace: "other" }, false],
  ["its labels", { labels: { team: "a" } }, true],
  ["other labels", { labels: { team: "b" } }, false],
];

for (const [about, ref, hit] of refs) {
  test(`a route is found by ${about}: ${hit}`, () => {
    assert.deepEqual(ofRoute([MESH, { a: 1 }], [route(ref), { a: 2 }]), { a: hit ? 2 : 1 });
  });
}
