import assert from "node:assert/strict";
import { test } from "node:test";
import { type PolicyResource, policies } from "@skein/policies";
import { stored } from "../pipeline/testing/resources.ts";
import { PolicySets, policyReach } from "./policy-set.ts";

const MESH = { kind: "Mesh" };
let revision = 0;
function policy(type: string, name: string, spec: Readonly<Record<string, unknown>>): PolicyResource {
  revision += 1;
  return stored({ type, mesh: "default", name, spec }, revision) as PolicyResource;
}
const timeout = (name: string, targetRef: unknown, ...blocks: readonly ("to" | "from" | "rules")[]) => {
  const conf = { idleTimeout: "1s" };
  const all = {
    to: [{ targetRef: MESH, default: conf }],
    from: [{ targetRef: MESH, default: conf }],
    rules: [{ default: conf }],
  };
  return policy("MeshTimeout", name, {
    targetRef,
    ...Object.fromEntries(blocks.map((block) => [block, all[block]])),
  });
};
const proxy = {
  name: "web-1",
  labels: { app: "web" },
  gatewayTags: undefined,
  inbounds: [
    { section: "http", tags: { "kuma.io/service": "web" } },
    { section: "admin", tags: { "kuma.io/service": "web-admin" } },
  ],
};
const reach = policyReach(policies);
const sets = () => new PolicySets(reach);
const names = (list: readonly PolicyResource[] | undefined) => list?.map(({ name }) => name) ?? [];

test("equal sets are one object, in whatever order they come", () => {
  const [a, b] = [timeout("a", MESH, "to"), timeout("b", MESH, "to")];
  const made = sets();
  assert.equal(made.of([a, b]), made.of([b, a]));
  assert.notEqual(made.of([a]), made.of([a, b]));
  assert.deepEqual(names(made.of([a, b]).byKind.get("MeshTimeout")), ["b", "a"], "lowest precedence first");
});

test("a set with a policy that was written again is another one", () => {
  const made = sets();
  assert.notEqual(made.of([timeout("a", MESH, "to")]), made.of([timeout("a", MESH, "to")]));
});

test("a policy about one inbound is not about the others, nor about calls", () => {
  const one = timeout("one", { kind: "Dataplane", sectionName: "http" }, "rules");
  const all = timeout("all", MESH, "rules");
  const { outbound, inbound } = sets().forProxy(proxy, [one, all]);
  assert.deepEqual(names(inbound.get("http")?.byKind.get("MeshTimeout")), ["all", "one"]);
  assert.deepEqual(names(inbound.get("admin")?.byKind.get("MeshTimeout")), ["all"]);
  assert.deepEqual(names(outbound.byKind.get("MeshTimeout")), []);
});

test("a policy of the service of one inbound is about the calls too", () => {
  const some = timeout("some", { kind: "MeshService", name: "web" }, "from", "to");
  const { outbound, inbound } = sets().forProxy(proxy, [some]);
  assert.deepEqual(names(inbound.get("http")?.byKind.get("MeshTimeout")), ["some"]);
  assert.deepEqual(names(inbound.get("admin")?.byKind.get("MeshTimeout")), []);
  assert.deepEqual(names(outbound.byKind.get("MeshTimeout")), ["some"]);
});

test("what changes makes the same sets as all policies would", () => {
  const made = sets();
  const spec = { kind: "Dataplane", labels: { app: "web" } };
  const kept = [
    timeout("a", MESH, "rules"),
    timeout("b", { kind: "MeshService", name: "web" }, "from", "to"),
  ];
  const [old, gone] = [timeout("c", MESH, "to"), timeout("d", spec, "to", "from")];
  const now = timeout("c", { kind: "Dataplane", sectionName: "admin" }, "rules");
  const added = timeout("e", spec, "to");
  const before = made.forProxy(proxy, [...kept, old, gone]);
  const change = made.changing(
    new Map([
      ["MeshTimeout/c", now],
      ["MeshTimeout/d", undefined],
      ["MeshTimeout/e", added],
    ]),
  );
  assert.deepEqual(change.of(proxy, before), made.forProxy(proxy, [...kept, now, added]));
  const other = { ...proxy, labels: { app: "other" } };
  assert.deepEqual(
    change.of(other, made.forProxy(other, [...kept, old, gone])),
    made.forProxy(other, [...kept, now, added]),
    "another proxy with the same sets",
  );
});

test("a set that has nothing to do with a change stays the same object", () => {
  const made = sets();
  const before = made.forProxy(proxy, [timeout("a", MESH, "to")]);
  const other = timeout("b", { kind: "Dataplane", labels: { app: "other" } }, "to");
  const after = made.changing(new Map([["MeshTimeout/b", other]])).of(proxy, before);
  assert.equal(after.outbound, before.outbound);
});

const tls = (conf: object) => policy("MeshTLS", "tls", { rules: [{ default: conf }] });
const retry = policy("MeshRetry", "retry", {
  to: [{ targetRef: MESH, default: { tcp: { maxConnectAttempt: 1 } } }],
});
const reaches: readonly [about: string, policy: PolicyResource, inbound: boolean, outbound: boolean][] = [
  ["to", timeout("t", MESH, "to"), false, true],
  ["from", timeout("t", MESH, "from"), true, false],
  ["rules", timeout("t", MESH, "rules"), true, false],
  ["from and to", timeout("t", MESH, "from", "to"), true, true],
  ["a mode of MeshTLS", tls({ mode: "Strict" }), true, false],
  ["versions of MeshTLS, which both sides need", tls({ tlsVersion: { min: "TLS12" } }), true, true],
  ["MeshRetry", retry, false, true],
];

for (const [about, each, inbound, outbound] of reaches) {
  test(`what a policy reaches: ${about}`, () => {
    assert.deepEqual([reach.inbound(each), reach.outbound(each)], [inbound, outbound]);
  });
}
