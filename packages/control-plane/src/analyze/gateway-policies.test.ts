import assert from "node:assert/strict";
import { test } from "node:test";
import { AIRLINE, allow, IDENTITY, policy } from "../explain/testing/airline.ts";
import { codesIn, findingsIn } from "./testing/findings.ts";

const EDGE = `
---
type: Dataplane
mesh: default
name: edge-1
labels: {app: edge, kuma.io/workload: edge}
networking:
  address: 127.0.1.9
  gateway: {type: BUILTIN, tags: {kuma.io/service: edge}}
---
type: MeshGateway
mesh: default
name: front
selectors: [{match: {kuma.io/service: edge}}]
conf:
  listeners:
    - {port: 80, protocol: HTTP, hostname: a.test, tags: {host: a}}
    - {port: 80, protocol: HTTP, hostname: b.test, tags: {host: b}}
`;
const FRONT = { kind: "MeshGateway", name: "front" };
const MESH = { kind: "Mesh" };
const ROUTE = policy("MeshHTTPRoute", "all", {
  targetRef: FRONT,
  to: [
    {
      targetRef: MESH,
      rules: [
        {
          matches: [{ path: { type: "PathPrefix", value: "/" } }],
          default: { backendRefs: [{ kind: "MeshService", name: "check-in", port: 8080 }] },
        },
      ],
    },
  ],
});
const ALL = AIRLINE + EDGE + ROUTE;
const to = (type: string, name: string, targetRef: object, conf: object) =>
  policy(type, name, { targetRef, to: [{ targetRef: MESH, default: conf }] });
const limit = (num: number) => ({ local: { http: { requestRate: { num, interval: "1s" } } } });

test("policies about a gateway that do something are clean", () => {
  assert.deepEqual(
    findingsIn(
      ALL +
        to("MeshRateLimit", "all", FRONT, limit(5)) +
        to("MeshRateLimit", "b", { ...FRONT, tags: { host: "b" } }, limit(2)) +
        to("MeshTimeout", "calls", FRONT, { http: { requestTimeout: "3s" } }) +
        policy("MeshTimeout", "clients", { targetRef: FRONT, rules: [{ default: { idleTimeout: "1m" } }] }),
    ),
    [],
  );
  assert.deepEqual(findingsIn(ALL + IDENTITY + allow("edge")), []);
});

test("what sidecars have all from others may still hold for a gateway", () => {
  const broad = to("MeshTimeout", "broad", MESH, { idleTimeout: "1s" });
  const sidecars = to("MeshTimeout", "a", { kind: "Dataplane" }, { idleTimeout: "2s" });
  assert.deepEqual(codesIn(AIRLINE + broad + sidecars), ["SK0102"]);
  assert.deepEqual(codesIn(ALL + broad + sidecars), []);
});

test("a rule for a gateway that rules for all of its listeners hide, and two of one precedence", () => {
  const listener = (host: string, num: number) =>
    to("MeshRateLimit", host, { ...FRONT, tags: { host } }, limit(num));
  const hidden = findingsIn(
    ALL + to("MeshRateLimit", "all", FRONT, limit(5)) + listener("a", 1) + listener("b", 2),
  );
  assert.deepEqual(
    hidden.map(({ code, resource }) => [code, resource.name]),
    [["SK0102", "all"]],
  );
  const both = findingsIn(
    ALL + to("MeshRateLimit", "x", FRONT, limit(5)) + to("MeshRateLimit", "y", FRONT, limit(6)),
  );
  assert.ok(
    both.some(({ code, message }) => code === "SK0103" && /listener 80:[ab].test of edge-1/.test(message)),
    JSON.stringify(both),
  );
});

test("a gateway that nobody has, and tags that no listener has", () => {
  for (const targetRef of [
    { ...FRONT, name: "back" },
    { ...FRONT, tags: { host: "c" } },
  ]) {
    assert.deepEqual(codesIn(ALL + to("MeshRateLimit", "p", targetRef, limit(5))), ["SK0101"]);
  }
});

const rule = (
  path: object,
  conf: object = { backendRefs: [{ kind: "MeshService", name: "portal", port: 8080 }] },
) => ({
  matches: [{ path }],
  default: conf,
});
const prefix = (value: string) => rule({ type: "PathPrefix", value });
const route = (name: string, targetRef: object, rules: readonly object[], hostnames?: readonly string[]) =>
  policy("MeshHTTPRoute", name, {
    targetRef,
    to: [{ targetRef: MESH, rules, ...(hostnames === undefined ? {} : { hostnames }) }],
  });
const found = (yaml: string) =>
  findingsIn(AIRLINE + EDGE + yaml).map(({ code, resource, path }) => `${code} ${resource.name} ${path}`);

test("a rule of a gateway's route behind one that takes everything is not reached", () => {
  const late = route("late", FRONT, [rule({ type: "RegularExpression", value: "/a/.*" }), prefix("/")]);
  assert.deepEqual(found(late), ["SK0104 late spec.to[0].rules[0]"]);
  assert.match(
    findingsIn(AIRLINE + EDGE + late)[0]?.message ?? "",
    /no request gets this far: PathPrefix \/ of kri_mhttpr_default_east__late_ to\[0\]\.rules\[1\]/,
  );
  assert.deepEqual(found(route("in-order", FRONT, [prefix("/a"), prefix("/")])), []);
});

test("a rule that only one listener hides is reached by another", () => {
  const regex = rule({ type: "RegularExpression", value: "/a/.*" });
  const all = route("all", { ...FRONT, tags: { host: "a" } }, [prefix("/")]);
  assert.deepEqual(found(all + route("late", FRONT, [regex])), []);
  assert.deepEqual(found(all + ROUTE.replace('"all"', '"others"') + route("z", FRONT, [regex])), [
    "SK0104 z spec.to[0].rules[0]",
  ]);
});

test("rules for other hosts do not hide one another, and a name that no listener has is another finding", () => {
  const regex = rule({ type: "RegularExpression", value: "/a/.*" });
  const apart = route("one", FRONT, [regex], ["a.test"]) + route("two", FRONT, [prefix("/")], ["b.test"]);
  assert.deepEqual(found(apart), []);
  const nobody = found(ROUTE + route("nobody", FRONT, [prefix("/x")], ["c.test"]));
  assert.deepEqual(
    nobody.map((line) => line.slice(0, 6)),
    ["SK0207"],
  );
});
