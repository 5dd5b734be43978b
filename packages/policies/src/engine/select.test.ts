import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { policy, proxy } from "../testing/resources.ts";
import type { TargetRef } from "./policy-resource.ts";
import { contains, type Selectable, type Selection, select } from "./select.ts";

const web = proxy({
  labels: { app: "web", "kuma.io/display-name": "web", "k8s.kuma.io/namespace": "shop" },
  inbounds: [
    { section: "http", tags: { "kuma.io/service": "web", version: "1" } },
    { section: "8081", tags: { "kuma.io/service": "web-admin", version: "1" } },
  ],
});
const delegated = proxy({ gatewayTags: { "kuma.io/service": "kong" }, inbounds: [] });
const builtin = proxy({
  gatewayTags: { "kuma.io/service": "edge", tier: "outer" },
  inbounds: [],
  labels: { app: "edge" },
  gateway: {
    names: ["edge-gateway", "edge-shown"],
    labels: {},
    listeners: [
      { section: "80:*", tags: { "kuma.io/service": "edge", tier: "outer", port: "plain" } },
      { section: "443:*", tags: { "kuma.io/service": "edge", tier: "outer", port: "secure" } },
    ],
  },
});
const unserved = proxy({ ...builtin, gateway: { names: [], labels: {}, listeners: [] } });

/** `none`, `proxy`, or the sections, with `+out` where outbounds are selected too. */
function text(selection: Selection): string {
  if (selection.kind === "gateway")
    return `listeners ${[...selection.sections].join(",")}${selection.whole ? " (all)" : ""}`;
  if (selection.kind !== "inbounds") return selection.kind;
  return [...selection.sections].join(",") + (selection.outbounds ? " +out" : "");
}

const targets: readonly [about: string, ref: TargetRef | undefined, of: Selectable, expected: string][] = [
  ["no targetRef is the whole mesh", undefined, web, "proxy"],
  ["Mesh", { kind: "Mesh" }, web, "proxy"],
  ["Mesh, sidecars only, a sidecar", { kind: "Mesh", proxyTypes: ["Sidecar"] }, web, "proxy"],
  ["Mesh, gateways only, a sidecar", { kind: "Mesh", proxyTypes: ["Gateway"] }, web, "none"],
  ["Mesh, gateways only, a gateway", { kind: "Mesh", proxyTypes: ["Gateway"] }, delegated, "proxy"],
  ["Mesh, both types", { kind: "Mesh", proxyTypes: ["Sidecar", "Gateway"] }, delegated, "proxy"],
  ["a built-in gateway is of the mesh", undefined, builtin, "listeners 80:*,443:* (all)"],
  ["one that serves nothing yet, too", undefined, unserved, "listeners  (all)"],
  ["Mesh, sidecars only, a built-in gateway", { kind: "Mesh", proxyTypes: ["Sidecar"] }, builtin, "none"],
  ["a bare Dataplane is no built-in gateway", { kind: "Dataplane" }, builtin, "none"],
  ["labels are for others", { kind: "Dataplane", labels: { app: "edge" } }, builtin, "none"],
  [
    "MeshGateway by name",
    { kind: "MeshGateway", name: "edge-gateway" },
    builtin,
    "listeners 80:*,443:* (all)",
  ],
  ["another MeshGateway", { kind: "MeshGateway", name: "edge" }, builtin, "none"],
  ["MeshGateway, no gateway", { kind: "MeshGateway", name: "edge-gateway" }, web, "none"],
  [
    "MeshGateway with the tags of a listener",
    { kind: "MeshGateway", name: "edge-gateway", tags: { port: "secure" } },
    builtin,
    "listeners 443:*",
  ],
  [
    "MeshGateway with tags that no listener has",
    { kind: "MeshGateway", name: "edge-gateway", tags: { port: "other" } },
    builtin,
    "none",
  ],
  [
    "MeshSubset by a listener's tag",
    { kind: "MeshSubset", tags: { port: "plain" } },
    builtin,
    "listeners 80:*",
  ],
  [
    "MeshSubset by the gateway's tag",
    { kind: "MeshSubset", tags: { tier: "outer" } },
    unserved,
    "listeners  (all)",
  ],
  [
    "MeshService by the gateway's name",
    { kind: "MeshService", name: "edge" },
    builtin,
    "listeners 80:*,443:* (all)",
  ],
  ["a bare Dataplane is every dataplane", { kind: "Dataplane" }, web, "proxy"],
  ["a bare Dataplane is a delegated gateway too", { kind: "Dataplane" }, delegated, "proxy"],
  ["labels that match", { kind: "Dataplane", labels: { app: "web" } }, web, "proxy"],
  ["labels: all are required", { kind: "Dataplane", labels: { app: "web", tier: "1" } }, web, "none"],
  ["labels: equality, not prefix", { kind: "Dataplane", labels: { app: "we" } }, web, "none"],
  ["by name", { kind: "Dataplane", name: "web-01" }, web, "proxy"],
  ["by display name", { kind: "Dataplane", name: "web" }, web, "proxy"],
  ["by another name", { kind: "Dataplane", name: "web-02" }, web, "none"],
  ["by name and namespace", { kind: "Dataplane", name: "web", namespace: "shop" }, web, "proxy"],
  ["by name in another namespace", { kind: "Dataplane", name: "web", namespace: "x" }, web, "none"],
  ["a named section", { kind: "Dataplane", labels: { app: "web" }, sectionName: "http" }, web, "http"],
  ["a section by port", { kind: "Dataplane", sectionName: "8081" }, web, "8081"],
  ["a section that is not there", { kind: "Dataplane", sectionName: "grpc" }, web, "none"],
  ["tags of every inbound", { kind: "MeshSubset", tags: { version: "1" } }, web, "proxy"],
  ["tags of one inbound", { kind: "MeshSubset", tags: { "kuma.io/service": "web" } }, web, "http +out"],
  ["tags of no inbound", { kind: "MeshSubset", tags: { version: "2" } }, web, "none"],
  ["a tag with any value", { kind: "MeshSubset", tags: { version: "*" } }, web, "proxy"],
  ["a subset of gateways", { kind: "MeshSubset", tags: {}, proxyTypes: ["Gateway"] }, web, "none"],
  ["tags of a gateway", { kind: "MeshSubset", tags: { "kuma.io/service": "kong" } }, delegated, "proxy"],
  ["other tags of a gateway", { kind: "MeshSubset", tags: { "kuma.io/service": "x" } }, delegated, "none"],
  ["a service", { kind: "MeshService", name: "web-admin" }, web, "8081 +out"],
  ["another service", { kind: "MeshService", name: "backend" }, web, "none"],
  ["a service by labels has no tag to match", { kind: "MeshService", labels: { app: "web" } }, web, "none"],
  [
    "a part of a service",
    { kind: "MeshServiceSubset", name: "web", tags: { version: "1" } },
    web,
    "http +out",
  ],
  ["no part of a service", { kind: "MeshServiceSubset", name: "web", tags: { version: "2" } }, web, "none"],
  ["MeshGateway, a gateway of another make", { kind: "MeshGateway", name: "edge" }, delegated, "none"],
  [
    "MeshGateway by display name",
    { kind: "MeshGateway", name: "edge-shown" },
    builtin,
    "listeners 80:*,443:* (all)",
  ],
  [
    "MeshGateway with tags of the Dataplane and of a listener",
    { kind: "MeshGateway", name: "edge-gateway", tags: { "kuma.io/service": "edge", port: "plain" } },
    builtin,
    "listeners 80:*",
  ],
  [
    "MeshSubset of sidecars, a built-in gateway",
    { kind: "MeshSubset", tags: {}, proxyTypes: ["Sidecar"] },
    builtin,
    "none",
  ],
  [
    "MeshServiceSubset by a listener's tag",
    { kind: "MeshServiceSubset", name: "edge", tags: { port: "secure" } },
    builtin,
    "listeners 443:*",
  ],
  [
    "a route may be on any listener",
    { kind: "MeshHTTPRoute", name: "r" },
    builtin,
    "listeners 80:*,443:* (all)",
  ],
  ["MeshGateway, one that serves none", { kind: "MeshGateway", name: "edge-gateway" }, unserved, "none"],
];

for (const [about, targetRef, of, expected] of targets) {
  test(`targetRef: ${about} → ${expected}`, () => {
    assert.equal(text(select(policy(targetRef === undefined ? {} : { targetRef }), of)), expected);
  });
}

const places: readonly [
  about: string,
  policy: Record<string, string>,
  proxy: Record<string, string>,
  is: boolean,
][] = [
  ["a shadow policy selects nothing", { "kuma.io/effect": "shadow" }, {}, false],
  [
    "a zone's policy selects its zone's proxies",
    { "kuma.io/origin": "zone", "kuma.io/zone": "east" },
    { "kuma.io/origin": "zone", "kuma.io/zone": "east" },
    true,
  ],
  [
    "a zone's policy does not select another zone's",
    { "kuma.io/origin": "zone", "kuma.io/zone": "east" },
    { "kuma.io/origin": "zone", "kuma.io/zone": "west" },
    false,
  ],
  [
    "a producer's policy goes to every zone",
    { "kuma.io/origin": "zone", "kuma.io/zone": "east", "kuma.io/policy-role": "producer" },
    { "kuma.io/origin": "zone", "kuma.io/zone": "west" },
    true,
  ],
  [
    "a global policy goes to every zone",
    { "kuma.io/origin": "global", "kuma.io/zone": "east" },
    { "kuma.io/origin": "zone", "kuma.io/zone": "west" },
    true,
  ],
  [
    "a consumer's policy stays in its namespace",
    { "k8s.kuma.io/namespace": "shop", "kuma.io/policy-role": "consumer" },
    { "k8s.kuma.io/namespace": "bank" },
    false,
  ],
  [
    "a workload owner's policy holds in its namespace",
    { "k8s.kuma.io/namespace": "shop", "kuma.io/policy-role": "workload-owner" },
    { "k8s.kuma.io/namespace": "shop" },
    true,
  ],
  [
    "a producer's policy has no namespace gate",
    { "k8s.kuma.io/namespace": "shop", "kuma.io/policy-role": "producer" },
    { "k8s.kuma.io/namespace": "bank" },
    true,
  ],
  [
    "a system policy has no namespace gate",
    { "k8s.kuma.io/namespace": "kong-mesh-system", "kuma.io/policy-role": "system" },
    { "k8s.kuma.io/namespace": "bank" },
    true,
  ],
];

for (const [about, policyLabels, proxyLabels, selected] of places) {
  test(about, () => {
    const selection = select(policy({}, { labels: policyLabels }), proxy({ labels: proxyLabels }));
    assert.equal(selection.kind !== "none", selected);
  });
}

test("a name in a namespaced policy means a proxy of that namespace", () => {
  const target = { targetRef: { kind: "Dataplane", name: "web" } };
  const here = policy(target, { labels: { "k8s.kuma.io/namespace": "shop" } });
  const elsewhere = policy(target, { labels: { "k8s.kuma.io/namespace": "bank" } });
  assert.equal(select(here, web).kind, "proxy");
  assert.equal(select(elsewhere, web).kind, "none");
});

test("the zone of a MeshGateway counts for the proxies that serve it, not their own", () => {
  const east = { "kuma.io/origin": "zone", "kuma.io/zone": "east" };
  const west = { ...east, "kuma.io/zone": "west" };
  const serves = (labels: Record<string, string>) =>
    proxy({ labels: west, inbounds: [], gateway: { names: ["g"], labels, listeners: [] }, gatewayTags: {} });
  const policyOf = policy({ targetRef: { kind: "Mesh" } }, { labels: east });
  assert.equal(select(policyOf, serves(east)).kind, "gateway");
  assert.equal(select(policyOf, serves(west)).kind, "none");
});

const someTags = fc.dictionary(fc.constantFrom("a", "b", "c"), fc.constantFrom("1", "2"));

test("listeners: more tags never choose more of them, and every kind of reference chooses by the same tags", () => {
  fc.assert(
    fc.property(fc.array(someTags, { minLength: 1, maxLength: 4 }), someTags, someTags, (tags, few, more) => {
      const service = { "kuma.io/service": "edge" };
      const listeners = tags.map((each, i) => ({ section: String(i), tags: { ...service, ...each } }));
      const gateway = proxy({
        inbounds: [],
        gatewayTags: service,
        gateway: { names: ["g"], labels: {}, listeners },
      });
      const chosen = (targetRef: TargetRef): readonly string[] => {
        const selection = select(policy({ targetRef }), gateway);
        return selection.kind === "gateway" ? [...selection.sections] : [];
      };
      const wide = chosen({ kind: "MeshGateway", name: "g", tags: few });
      assert.deepEqual(
        wide,
        listeners.filter((each) => contains(each.tags, few)).map(({ section }) => section),
      );
      for (const section of chosen({ kind: "MeshGateway", name: "g", tags: { ...more, ...few } })) {
        assert.ok(wide.includes(section));
      }
      assert.deepEqual(chosen({ kind: "MeshSubset", tags: few }), wide);
      assert.deepEqual(chosen({ kind: "MeshServiceSubset", name: "edge", tags: few }), wide);
    }),
  );
});

test("contains: every pair, with * for any value", () => {
  assert.equal(contains({ a: "1", b: "2" }, {}), true);
  assert.equal(contains({ a: "1", b: "2" }, { a: "1" }), true);
  assert.equal(contains({ a: "1" }, { a: "1", b: "*" }), false);
  assert.equal(contains({ a: "1", b: "" }, { b: "*" }), true);
  assert.equal(contains({}, { a: "1" }), false);
});
