import assert from "node:assert/strict";
import { test } from "node:test";
import type { Explanation } from "./explanation.ts";
import { AIRLINE, ask, policy } from "./testing/airline.ts";

const BAGGAGE = `
---
type: Dataplane
mesh: default
name: baggage-1
labels: {app: baggage, kuma.io/workload: baggage}
networking:
  address: 127.0.1.7
  inbound: [{name: main, port: 8080, protocol: http, tags: {kuma.io/service: baggage}}]
`;
const ALL = AIRLINE + BAGGAGE;
const KRI = "kri_mhttpr_default_east__r_";

const ref = (name: string, weight = 1) => ({ kind: "MeshService", name, port: 8080, weight });
const prefix = (value: string) => ({ path: { type: "PathPrefix", value } });
const rule = (matches: readonly object[], conf: object = {}) => ({ matches, default: conf });
const routes = (rules: readonly object[], to = "check-in") =>
  policy("MeshHTTPRoute", "r", { to: [{ targetRef: { kind: "MeshService", name: to }, rules }] });
const split = (to: string, backendRefs: readonly object[]) =>
  policy("MeshTCPRoute", "split", {
    to: [{ targetRef: { kind: "MeshService", name: to }, rules: [{ default: { backendRefs } }] }],
  });
const shares = ({ branches }: Explanation) =>
  branches.map(({ backend, share, verdict }) => `${share} ${backend} ${verdict}`);
const routeHop = ({ hops }: Explanation) => hops.find(({ at }) => at === "route");
const facts = (answer: Explanation, at: string) =>
  [...answer.hops, ...answer.branches.flatMap(({ hops }) => hops)]
    .filter((hop) => hop.at === at)
    .flatMap((hop) => hop.facts);

test("the rule that takes the request is named, and what it does not take goes on to the destination", () => {
  const yaml = ALL + routes([rule([prefix("/bags")], { backendRefs: [ref("baggage")] })]);
  const taken = ask(yaml, "portal", "check-in", { path: "/bags/7?x=1" });
  assert.deepEqual(taken.route, { policy: KRI, rule: "to[0].rules[0]" });
  assert.deepEqual(shares(taken), ["100 baggage:8080 allowed"]);
  assert.deepEqual(taken.sent, { path: "/bags/7?x=1" });
  const left = ask(yaml, "portal", "check-in", { path: "/bagsy" });
  assert.equal(left.route, null);
  assert.match(routeHop(left)?.text ?? "", /none of 1 matches takes this request: it goes to check-in:8080/);
  assert.deepEqual(new Set(left.branches.map(({ backend }) => backend)), new Set(["check-in:8080"]));
});

test("method, headers and query decide as in Envoy; the host is the outbound's where nobody names one", () => {
  const match = {
    method: "POST",
    headers: [{ name: "x-a", value: "1" }],
    queryParams: [{ type: "Exact", name: "q", value: "1" }],
  };
  const yaml = ALL + routes([rule([match], { backendRefs: [ref("baggage")] })]);
  const post = { method: "POST", path: "/?q=1", headers: { "x-a": "1" } };
  assert.notEqual(ask(yaml, "portal", "check-in", post).route, null);
  for (const other of [{ method: "GET" }, { path: "/" }, { headers: {} }]) {
    assert.equal(ask(yaml, "portal", "check-in", { ...post, ...other }).route, null);
  }
  const byHost = ALL + routes([rule([{ headers: [{ name: "host", value: "127.0.0.1:10001" }] }])]);
  assert.notEqual(ask(byHost, "portal", "check-in").route, null);
});

test("live backends share what the dead ones would have got, and each dead one says why", () => {
  const refs = [ref("baggage", 3), ref("check-in", 1), ref("nowhere", 5), ref("baggage", 0)];
  const answer = ask(ALL + routes([rule([prefix("/")], { backendRefs: refs })]), "portal", "check-in");
  assert.equal(answer.verdict, "allowed");
  assert.deepEqual(shares(answer), ["75 baggage:8080 allowed", "25 check-in:8080 allowed"]);
  assert.equal(routeHop(answer)?.outcome, "warn");
  assert.deepEqual(
    facts(answer, "route")
      .filter(({ name }) => name === "dead backend")
      .map(({ value, origin }) => `${value} ${origin?.rule}`),
    [
      'weight 5: there is no MeshService "nowhere" to[0].rules[0].default.backendRefs[2]',
      "weight 0: baggage:8080 has weight 0 to[0].rules[0].default.backendRefs[3]",
    ],
  );
});

test("with no live backend the caller's proxy answers 503, whatever other routes say", () => {
  const rules = [rule([prefix("/x")], { backendRefs: [ref("nowhere")] }), rule([prefix("/")])];
  const answer = ask(ALL + routes(rules), "portal", "check-in", { path: "/x" });
  assert.deepEqual(
    [answer.verdict, answer.answer, answer.branches, answer.sent],
    ["no-backend", { status: 503 }, [], null],
  );
  assert.equal(answer.decidedBy?.rule, "to[0].rules[0]");
  assert.match(answer.reason, /no backend of it can be served/);
  assert.match(answer.remedy?.text ?? "", /correct backendRefs in to\[0\].rules\[0\]/);
});

test("a redirect is the answer, with its location, also where no backend is alive", () => {
  const redirect = { type: "RequestRedirect", requestRedirect: { hostname: "air.test", statusCode: 308 } };
  const conf = { filters: [redirect], backendRefs: [ref("nowhere")] };
  const answer = ask(ALL + routes([rule([prefix("/")], conf)]), "portal", "check-in", { path: "/a?b" });
  assert.deepEqual(
    [answer.verdict, answer.answer],
    ["redirected", { status: 308, location: "http://air.test/a?b" }],
  );
  assert.equal(answer.seen, "308 with location http://air.test/a?b");
  assert.equal(answer.decidedBy?.policy, KRI);
});

test("rewrites, mirrors and header changes are told with their places", () => {
  const filters = [
    {
      type: "RequestHeaderModifier",
      requestHeaderModifier: { set: [{ name: "a", value: "1" }], remove: ["b"] },
    },
    {
      type: "URLRewrite",
      urlRewrite: { hostname: "in.test", path: { type: "ReplacePrefixMatch", replacePrefixMatch: "/v2" } },
    },
    { type: "RequestMirror", requestMirror: { percentage: 10, backendRef: ref("baggage") } },
    { type: "RequestMirror", requestMirror: { backendRef: ref("nowhere") } },
    { type: "ResponseHeaderModifier", responseHeaderModifier: { add: [{ name: "c", value: "2" }] } },
  ];
  const answer = ask(ALL + routes([rule([prefix("/v1")], { filters })]), "portal", "check-in", {
    path: "/v1/x",
    headers: { b: "gone" },
  });
  assert.deepEqual(answer.sent, { path: "/v2/x", host: "in.test", headers: { a: "1", b: null } });
  assert.deepEqual(answer.returned, { remove: [], set: [], add: [{ name: "c", value: "2" }] });
  assert.deepEqual(answer.copies, [
    { backend: "baggage:8080", share: 10 },
    { backend: null, share: 100 },
  ]);
  assert.deepEqual(
    facts(answer, "route")
      .slice(1)
      .map(({ name, value, origin }) => [name, value.slice(0, 40), origin?.rule.slice(-11)]),
    [
      ["request headers", "set a: 1; remove b", ".filters[0]"],
      ["rewrite", '{"hostname":"in.test","path":{"type":"Re', ".filters[1]"],
      ["mirror", "10% are copied to baggage:8080", ".filters[2]"],
      [
        "mirror",
        'nobody: there is no MeshService "nowhere'
          .replace("nobody", "100% are copied to nobody")
          .slice(0, 40),
        ".filters[3]",
      ],
      ["response headers", "add c: 2", ".filters[4]"],
    ],
  );
});

test("limits of requests are those of the route, and of connections those of the backend", () => {
  const timeout = (name: string, targetRef: object, conf: object) =>
    policy("MeshTimeout", name, { to: [{ targetRef, default: conf }] });
  const yaml =
    ALL +
    routes([rule([prefix("/bags")], { backendRefs: [ref("baggage")] })]) +
    timeout(
      "called",
      { kind: "MeshService", name: "check-in" },
      { http: { requestTimeout: "4s" }, connectionTimeout: "1s" },
    ) +
    timeout(
      "backend",
      { kind: "MeshService", name: "baggage" },
      { http: { requestTimeout: "2s" }, connectionTimeout: "3s" },
    );
  const limits = (text: string) => ask(text, "portal", "check-in", { path: "/bags" }).limits;
  assert.deepEqual([limits(yaml).requestMs, limits(yaml).connectMs], [4000, 3000]);
  const route = timeout("route", { kind: "MeshHTTPRoute", name: "r" }, { http: { requestTimeout: "500ms" } });
  assert.equal(limits(yaml + route).requestMs, 500);
  assert.equal(ask(yaml + route, "portal", "check-in", { path: "/" }).limits.requestMs, 4000);
});

test("a MeshTCPRoute shares out connections, and requests where no MeshHTTPRoute is", () => {
  const radar = { kind: "MeshService", name: "radar", port: 9000 };
  const bytes = ask(ALL + split("radar", [{ ...radar, weight: 3 }, ref("baggage", 1)]), "portal", "radar");
  assert.deepEqual(shares(bytes), ["75 radar:9000 allowed", "25 baggage:8080 allowed"]);
  assert.deepEqual([bytes.route?.rule, bytes.sent], ["to[0].rules[0]", null]);
  const dead = ask(ALL + split("radar", [{ ...radar, port: 1 }]), "portal", "radar");
  assert.deepEqual([dead.verdict, dead.answer], ["no-backend", null]);
  assert.equal(dead.seen, "a connection that is closed at once");
  const requests = ask(ALL + split("check-in", [ref("baggage")]), "portal", "check-in", { path: "/x" });
  assert.deepEqual([shares(requests), requests.sent], [["100 baggage:8080 allowed"], { path: "/x" }]);
  const http = routes([rule([prefix("/only")])]);
  const both = ask(ALL + split("check-in", [ref("baggage")]) + http, "portal", "check-in", { path: "/x" });
  assert.deepEqual(new Set(both.branches.map(({ backend }) => backend)), new Set(["check-in:8080"]));
});

test("a backend is another destination with its own end", () => {
  const asleep = BAGGAGE.replace("protocol: http,", "protocol: http, state: NotReady,");
  const refs = [ref("baggage"), ref("check-in")];
  const answer = ask(
    AIRLINE + asleep + routes([rule([prefix("/")], { backendRefs: refs })]),
    "portal",
    "check-in",
  );
  assert.equal(answer.verdict, "differs");
  assert.deepEqual(shares(answer), ["50 baggage:8080 no-endpoints", "50 check-in:8080 allowed"]);
});
