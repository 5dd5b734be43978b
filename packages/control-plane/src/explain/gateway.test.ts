import assert from "node:assert/strict";
import { test } from "node:test";
import type { Explanation } from "./explanation.ts";
import { AIRLINE, allow, ask, IDENTITY, policy, problemOf } from "./testing/airline.ts";

const EDGE = `
---
type: Dataplane
mesh: default
name: edge-1
labels: {app: edge, kuma.io/workload: edge}
networking:
  address: 127.0.1.9
  gateway: {type: BUILTIN, tags: {kuma.io/service: edge-proxies}}
---
type: MeshGateway
mesh: default
name: front
selectors: [{match: {kuma.io/service: edge-proxies}}]
conf:
  listeners:
    - {port: 80, protocol: HTTP, hostname: check-in.test, tags: {host: check-in}}
    - {port: 80, protocol: HTTP, hostname: "*.shop.test", tags: {host: shop}}
    - {port: 81, protocol: HTTP, hostname: "*.shop.test", tags: {host: other}}
    - {port: 90, protocol: TCP, tags: {host: radar}}
`;
const FRONT = { kind: "MeshGateway", name: "front" };
const top = (host: string) => ({ ...FRONT, tags: { host } });
const ref = (name: string, port = 8080, weight = 1) => ({ kind: "MeshService", name, port, weight });
const prefix = (value: string) => [{ path: { type: "PathPrefix", value } }];
const route = (name: string, host: string, ...rules: readonly object[]) =>
  policy("MeshHTTPRoute", name, { targetRef: top(host), to: [{ targetRef: { kind: "Mesh" }, rules }] });
const to = (type: string, targetRef: object, conf: object, name = "p") =>
  policy(type, name, { targetRef, to: [{ targetRef: { kind: "Mesh" }, default: conf }] });
const BYTES = policy("MeshTCPRoute", "radar", {
  targetRef: top("radar"),
  to: [{ targetRef: { kind: "Mesh" }, rules: [{ default: { backendRefs: [ref("radar", 9000)] } }] }],
});
const ROUTES =
  route("check-in", "check-in", { matches: prefix("/api"), default: { backendRefs: [ref("check-in")] } }) +
  route(
    "shop",
    "shop",
    {
      matches: prefix("/old"),
      default: {
        filters: [{ type: "RequestRedirect", requestRedirect: { hostname: "new.test", statusCode: 301 } }],
      },
    },
    { matches: prefix("/both"), default: { backendRefs: [ref("check-in"), ref("portal")] } },
    { matches: prefix("/"), default: { backendRefs: [ref("portal")] } },
  ) +
  BYTES;
const ALL = AIRLINE + EDGE + ROUTES + IDENTITY;
const OPEN = ALL + allow("edge");
const API = { path: "/api/x" };

const facts = (answer: Explanation, at: string) =>
  [...answer.hops, ...answer.branches.flatMap(({ hops }) => hops)]
    .filter((hop) => hop.at === at)
    .flatMap((hop) => hop.facts)
    .map(({ name, value, origin }) => `${name}: ${value}${origin === undefined ? "" : ` [${origin.rule}]`}`);
const has = (answer: Explanation, at: string, text: string) =>
  assert.ok(facts(answer, at).includes(text), `${text} is not in\n${facts(answer, at).join("\n")}`);

test("by the host that a client names: the listener, the route and who is called as whom", () => {
  const answer = ask(OPEN, "edge", "check-in.test", API);
  assert.equal(answer.verdict, "allowed");
  assert.deepEqual(answer.destination, { name: "check-in.test", port: 80, protocol: "http" });
  assert.deepEqual(answer.route, { policy: "kri_mhttpr_default_east__check-in_", rule: "to[0].rules[0]" });
  assert.deepEqual(
    answer.hops.map(({ at }) => at),
    ["source", "gateway", "route"],
  );
  assert.match(
    answer.hops[1]?.text ?? "",
    /edge-1 takes it at 127.0.1.9:80 \(HTTP\) for check-in.test, by listener 80:check-in.test/,
  );
  assert.equal(answer.source.spiffeId, "spiffe://air.test/edge");
  const [branch] = answer.branches;
  assert.deepEqual(branch?.instances, ["check-in-1", "check-in-2"]);
  assert.equal(branch?.decidedBy?.policy, "kri_mtp_default_east__allow_");
});

test("the gateway is found by the names of its dataplane, its service and its MeshGateway", () => {
  for (const name of ["edge", "edge-1", "edge-proxies", "front"]) {
    assert.equal(ask(OPEN, name, "check-in.test", API).verdict, "allowed", name);
  }
});

test("who is not let in behind the gateway gets 403 there, and is told how to change that", () => {
  const answer = ask(ALL, "edge", "check-in.test", API);
  assert.equal(answer.verdict, "denied");
  assert.notEqual(answer.remedy, null);
});

test("no route takes it, and no listener", () => {
  const answer = ask(OPEN, "edge", "check-in.test", { path: "/else" });
  assert.equal(answer.verdict, "no-route");
  assert.match(
    answer.reason,
    /none of 1 routes of check-in.test takes this request, so it is answered with 404/,
  );
  assert.deepEqual(answer.answer, { status: 404 });
  const problem = problemOf(OPEN, "edge", "nobody.test");
  assert.deepEqual(
    [problem.kind, problem.field, problem.message],
    [
      "unknown",
      "destination",
      'edge-1 takes no requests for "nobody.test", and no service has that name; it listens for check-in.test:80, *.shop.test:80, *.shop.test:81, *:90',
    ],
  );
  assert.match(problemOf(OPEN, "edge", "check-in.test:82").message, /edge-1 does not listen on port 82/);
});

test("a host at several ports: which one is asked; wildcards take names of any depth", () => {
  const { kind, suggestions } = problemOf(OPEN, "edge", "a.b.shop.test");
  assert.deepEqual([kind, suggestions], ["ambiguous", ["a.b.shop.test:80", "a.b.shop.test:81"]]);
  assert.equal(ask(OPEN, "edge", "a.b.shop.test:80").branches[0]?.backend, "portal:8080");
  assert.equal(ask(OPEN, "edge", "a.b.shop.test", { port: 80 }).branches[0]?.backend, "portal:8080");
  assert.match(ask(OPEN, "edge", "a.b.shop.test:81").reason, /no MeshHTTPRoute is about a.b.shop.test/);
});

test("to a service: by the first host whose routes lead there, or the one of the header", () => {
  const first = ask(OPEN, "edge", "check-in", API);
  assert.equal(first.verdict, "allowed");
  assert.match(first.hops[1]?.text ?? "", /by listener 80:check-in.test/);
  const both = ask(OPEN, "edge", "check-in", { path: "/both", headers: { host: "x.shop.test:80" } });
  assert.deepEqual(
    both.branches.map(({ backend, share }) => `${share} ${backend}`),
    ["50 check-in:8080", "50 portal:8080"],
  );
  const nowhere = ask(OPEN, "edge", "check-in", {
    path: "/nowhere-at-all",
    headers: { host: "check-in.test" },
  });
  assert.equal(nowhere.verdict, "no-route");
  const none = ask(AIRLINE + EDGE + IDENTITY, "edge", "check-in");
  assert.equal(none.verdict, "no-route");
  assert.match(none.reason, /no route of front leads GET \/ to check-in:8080/);
  assert.match(JSON.stringify(none.remedy?.document), /"type":"MeshHTTPRoute".*"name":"front".*"port":8080/);
});

test("a redirect, and bytes", () => {
  const moved = ask(OPEN, "edge", "a.shop.test:80", { path: "/old/x" });
  assert.equal(moved.verdict, "redirected");
  assert.deepEqual(moved.answer, { status: 301, location: "http://new.test/old/x" });
  const bytes = ask(OPEN, "edge", "radar");
  assert.equal(bytes.verdict, "allowed");
  assert.equal(bytes.request, null);
  assert.match(bytes.hops[1]?.text ?? "", /127.0.1.9:90 \(TCP\)/);
  has(bytes, "gateway", "client idleTimeout: 5m");
});

test("what policies say of clients, of the listener and of the calls", () => {
  const yaml =
    OPEN +
    policy("MeshTimeout", "clients", {
      targetRef: FRONT,
      rules: [{ default: { idleTimeout: "1m", http: { requestTimeout: "20s" } } }],
    }) +
    to("MeshTimeout", FRONT, { http: { requestTimeout: "3s" } }, "calls") +
    to("MeshTimeout", top("check-in"), { http: { requestTimeout: "4s" } }, "of-check-in") +
    to("MeshRetry", FRONT, { http: { numRetries: 7 } }) +
    to("MeshRateLimit", top("check-in"), { local: { http: { requestRate: { num: 5, interval: "1s" } } } });
  const answer = ask(yaml, "edge", "check-in.test", API);
  has(answer, "gateway", "client idleTimeout: 1m0s [rules[0]]");
  has(answer, "gateway", "client http.requestTimeout: 20s [rules[0]]");
  has(answer, "gateway", "client http.streamIdleTimeout: 5s");
  has(answer, "gateway", "rate limit: 5 per 1s; over it 429 [to[0]]");
  has(answer, "cluster", "http.requestTimeout: 4s [to[0]]");
  has(answer, "cluster", "http.streamIdleTimeout: 5s");
  has(answer, "cluster", "retry.numRetries: 7 [to[0]]");
  assert.equal(answer.limits.requestMs, 4_000);
  const shop = ask(yaml, "edge", "x.shop.test:80");
  has(shop, "cluster", "http.requestTimeout: 3s [to[0]]");
  assert.ok(!facts(shop, "gateway").some((fact) => fact.startsWith("rate limit")));
});

test("faults at the gateway: some requests, or all of them", () => {
  const fault = (percentage: number) =>
    OPEN + to("MeshFaultInjection", top("check-in"), { http: [{ abort: { httpStatus: 418, percentage } }] });
  const some = ask(fault(10), "edge", "check-in.test", API);
  assert.equal(some.verdict, "allowed");
  assert.deepEqual(some.endings, [{ share: 90 }, { share: 10, status: 418 }]);
  assert.equal(some.seen.split(", or ")[0], "the application's answer to 90% and 418 to 10% of the requests");
  const again = to("MeshRetry", FRONT, { http: { numRetries: 7, retryOn: ["418"] } });
  assert.deepEqual(
    ask(fault(10) + again, "edge", "check-in.test", API).endings,
    some.endings,
    "a gateway makes again what it sent, and not what it refused",
  );
  const all = ask(fault(100), "edge", "check-in.test", API);
  assert.equal(all.verdict, "aborted");
  assert.deepEqual(all.answer, { status: 418 });
  assert.deepEqual(all.decidedBy, { policy: "kri_mfi_default_east__p_", rule: "to[0]" });
  assert.match(all.remedy?.text ?? "", /take the abort out of to\[0\] of kri_mfi_default_east__p_/);
  assert.equal(ask(fault(100), "edge", "x.shop.test:80").verdict, "allowed");
});

test("a gateway that nobody configures", () => {
  const yaml = AIRLINE + EDGE.replace("service: edge-proxies}}\n---", "service: somebody-else}}\n---");
  assert.match(
    problemOf(yaml, "edge", "check-in.test").message,
    /edge-1 listens on nothing, .*no MeshGateway has a selector/,
  );
});
