import assert from "node:assert/strict";
import { test } from "node:test";
import type { Explanation } from "./explanation.ts";
import { AIRLINE, allow, ask, IDENTITY, parsed, policy, problemOf, worldOf } from "./testing/airline.ts";

const hops = (answer: Explanation): readonly string[] =>
  [...answer.hops, ...(answer.branches[0]?.hops ?? [])].map(({ at, outcome }) => `${at} ${outcome}`);
const fact = (answer: Explanation, at: string, name: string) =>
  [...answer.hops, ...answer.branches.flatMap((branch) => branch.hops)]
    .find((hop) => hop.at === at)
    ?.facts.find((each) => each.name === name);

test("a mesh without identities: plaintext, and nobody is asked", () => {
  const answer = ask(AIRLINE, "portal", "check-in");
  assert.equal(answer.verdict, "allowed");
  assert.match(answer.reason, /plaintext, because portal-1 has no identity/);
  assert.deepEqual(hops(answer), [
    "source warn",
    "outbound pass",
    "route pass",
    "cluster pass",
    "tls warn",
    "inbound pass",
    "application pass",
  ]);
  assert.equal(answer.seen, "the application's answer, or 504 after 15s");
});

test("nobody is allowed until a policy says so, and the remedy is one that does", () => {
  const denied = ask(AIRLINE + IDENTITY, "portal", "check-in");
  assert.deepEqual(
    [denied.verdict, denied.decidedBy, denied.seen],
    ["denied", null, "403, RBAC: access denied"],
  );
  assert.match(denied.reason, /no MeshTrafficPermission allows spiffe:\/\/air.test\/portal/);
  const remedy = `\n---\n${JSON.stringify(denied.remedy?.document)}`;
  assert.equal(parsed(remedy)[0]?.type, "MeshTrafficPermission");
  const allowed = ask(AIRLINE + IDENTITY + remedy, "portal", "check-in");
  assert.equal(allowed.verdict, "allowed");
  assert.deepEqual(allowed.decidedBy, {
    policy: "kri_mtp_default_east__allow-portal-to-check-in_",
    rule: "rules[0]",
  });
  assert.equal(ask(AIRLINE + IDENTITY + remedy, "portal", "radar").verdict, "denied");
});

test("a deny names its rule and says that no allow helps", () => {
  const match = { spiffeID: { type: "Prefix", value: "spiffe://air.test/portal" } };
  const deny = policy("MeshTrafficPermission", "no", { rules: [{ default: { deny: [match] } }] });
  const answer = ask(AIRLINE + IDENTITY + allow("portal") + deny, "portal", "check-in");
  assert.deepEqual(answer.decidedBy, { policy: "kri_mtp_default_east__no_", rule: "rules[0]" });
  assert.equal(answer.remedy?.document, undefined);
  assert.match(answer.remedy?.text ?? "", /narrow rules\[0\] of kri_mtp_default_east__no_/);
});

test("a rule that looks as if it meant the caller is shown as a near miss", () => {
  const prefix = { spiffeID: { type: "Prefix", value: "spiffe://air.test/por" } };
  const answer = ask(
    AIRLINE + IDENTITY + policy("MeshTrafficPermission", "p", { rules: [{ default: { allow: [prefix] } }] }),
    "portal",
    "check-in",
  );
  assert.match(fact(answer, "permission", "near miss")?.value ?? "", /a prefix matches whole segments only/);
});

test("instances that differ make branches, and neither answer is lost", () => {
  const match = { spiffeID: { type: "Exact", value: "spiffe://air.test/portal" } };
  const onlySecond = policy("MeshTrafficPermission", "v2", {
    targetRef: { kind: "Dataplane", labels: { version: "v2" } },
    rules: [{ default: { allow: [match] } }],
  });
  const answer = ask(AIRLINE + IDENTITY + onlySecond, "portal", "check-in");
  assert.equal(answer.verdict, "differs");
  assert.deepEqual(
    answer.branches.map(({ instances, verdict, share }) => [instances, verdict, share]),
    [
      [["check-in-1"], "denied", 50],
      [["check-in-2"], "allowed", 50],
    ],
  );
  assert.equal(ask(AIRLINE + IDENTITY + onlySecond, "portal", "check-in-2").verdict, "allowed");
});

test("no instance is ready", () => {
  const asleep = AIRLINE.replace("port: 9000, protocol: tcp", "port: 9000, protocol: tcp, state: NotReady");
  const answer = ask(asleep, "portal", "radar:9000");
  assert.equal(answer.verdict, "no-endpoints");
  assert.match(answer.reason, /none of the 1 instances of radar:9000 is ready: radar-1/);
  assert.equal(fact(answer, "cluster", "endpoints")?.value, "0/1");
});

test("no outbound: the snippet that adds one, on a port that is free", () => {
  const answer = ask(AIRLINE, "check-in-1", "radar");
  assert.equal(answer.verdict, "no-outbound");
  assert.deepEqual(answer.remedy?.document, {
    networking: {
      outbound: [{ port: 10_001, backendRef: { kind: "MeshService", name: "radar", port: 9000 } }],
    },
  });
});

test("a strict server refuses a caller without identity", () => {
  const some = IDENTITY.replace("matchLabels: {}", "matchLabels: {app: check-in}");
  assert.equal(ask(AIRLINE + some, "portal", "check-in").verdict, "plaintext-refused");
  const mixed = some + policy("MeshTLS", "open", { rules: [{ default: { mode: "Permissive" } }] });
  const answer = ask(AIRLINE + mixed, "portal", "check-in");
  assert.equal(answer.verdict, "allowed");
  assert.equal(fact(answer, "tls", "mode")?.origin?.policy, "kri_mtls_default_east__open_");
});

test("each timeout is told with its rule, and the shortest is what the caller gets", () => {
  const timeouts =
    policy("MeshTimeout", "out", {
      to: [
        { targetRef: { kind: "MeshService", name: "check-in" }, default: { http: { requestTimeout: "3s" } } },
      ],
    }) + policy("MeshTimeout", "in", { rules: [{ default: { http: { requestTimeout: "2s" } } }] });
  const answer = ask(AIRLINE + timeouts, "portal", "check-in");
  assert.equal(answer.limits.requestMs, 2000);
  assert.deepEqual(fact(answer, "cluster", "http.requestTimeout"), {
    name: "http.requestTimeout",
    value: "3s",
    origin: { policy: "kri_mt_default_east__out_", rule: "to[0]" },
  });
  assert.deepEqual(fact(answer, "cluster", "connectionTimeout"), { name: "connectionTimeout", value: "5s" });
});

test("a timeout for one caller holds for that caller", () => {
  const match = (who: string) => ({ spiffeID: { type: "Exact", value: `spiffe://air.test/${who}` } });
  const timeouts = policy("MeshTimeout", "in", {
    rules: [{ matches: [match("portal")], default: { http: { requestTimeout: "1s" } } }],
  });
  const yaml = AIRLINE + IDENTITY + allow("portal") + timeouts;
  assert.equal(ask(yaml, "portal", "check-in").limits.requestMs, 1000);
  assert.equal(
    ask(
      yaml.replace(
        '"Exact","value":"spiffe://air.test/portal"}}],"default":{"http"',
        '"Exact","value":"spiffe://air.test/other"}}],"default":{"http"',
      ),
      "portal",
      "check-in",
    ).limits.requestMs,
    15_000,
  );
});

test("bytes have neither requests nor request timeouts", () => {
  const answer = ask(AIRLINE, "portal", "radar");
  assert.deepEqual([answer.request, answer.verdict], [null, "allowed"]);
  assert.equal(fact(answer, "cluster", "http.requestTimeout"), undefined);
  assert.equal(fact(answer, "cluster", "idleTimeout")?.value, "1h");
});

test("instances of the caller that are answered differently are named", () => {
  const second = `
---
type: Dataplane
mesh: default
name: portal-2
labels: {app: portal, kuma.io/workload: portal}
networking:
  address: 127.0.1.9
  inbound: [{name: main, port: 8080, protocol: http, tags: {kuma.io/service: portal}}]
`;
  const answer = ask(AIRLINE + second, "portal", "radar");
  assert.deepEqual(
    answer.otherwise.map(({ dataplane, verdict }) => [dataplane, verdict]),
    [["portal-2", "no-outbound"]],
  );
});

test("shares follow the number of instances, and an advertised address is the instance's own", () => {
  const third = `
---
type: Dataplane
mesh: default
name: check-in-3
labels: {app: check-in, kuma.io/workload: check-in, version: v2}
networking:
  address: 127.0.1.8
  advertisedAddress: 10.0.0.8
  inbound: [{name: main, port: 8080, protocol: http, tags: {kuma.io/service: check-in}}]
`;
  const match = { spiffeID: { type: "Exact", value: "spiffe://air.test/portal" } };
  const second = policy("MeshTrafficPermission", "v2", {
    targetRef: { kind: "Dataplane", labels: { version: "v2" } },
    rules: [{ default: { allow: [match] } }],
  });
  const answer = ask(AIRLINE + third + IDENTITY + second, "portal", "check-in");
  assert.deepEqual(
    answer.branches.map(({ instances, share }) => [instances.length, share]),
    [
      [1, 33.33],
      [2, 66.67],
    ],
  );
});

test("a shadow deny lets through and is told", () => {
  const match = { spiffeID: { type: "Exact", value: "spiffe://air.test/portal" } };
  const shadow = policy("MeshTrafficPermission", "s", {
    rules: [{ default: { allowWithShadowDeny: [match] } }],
  });
  const answer = ask(AIRLINE + IDENTITY + shadow, "portal", "check-in");
  assert.equal(answer.verdict, "allowed");
  const hop = answer.branches[0]?.hops.find(({ at }) => at === "permission");
  assert.deepEqual([hop?.outcome, /in shadow mode would deny it/.test(hop?.text ?? "")], ["warn", true]);
});

test("retries are those of the destination's protocol", () => {
  const retry = policy("MeshRetry", "r", {
    to: [
      { targetRef: { kind: "Mesh" }, default: { tcp: { maxConnectAttempt: 4 }, http: { numRetries: 2 } } },
    ],
  });
  const retries = (to: string) =>
    ask(AIRLINE + retry, "portal", to)
      .branches[0]?.hops.flatMap(({ facts }) => facts)
      .filter(({ name }) => name.startsWith("retry"))
      .map(({ name, value }) => `${name} ${value}`);
  assert.deepEqual(retries("radar"), ["retry.maxConnectAttempt 4"]);
  assert.deepEqual(retries("check-in"), ["retry.numRetries 2"]);
});

test("a suggested port is a free one", () => {
  const answer = ask(
    AIRLINE.replace(
      "backendRef: {kind: MeshService, name: radar, port: 9000}",
      "backendRef: {kind: MeshService, name: portal, port: 8080}",
    ),
    "portal",
    "radar",
  );
  assert.equal(Reflect.get(Object(answer.remedy?.document), "networking").outbound[0].port, 10_003);
});

const TAGS = `
type: Mesh
name: default
mtls: {enabledBackend: ca, backends: [{name: ca, type: builtin}]}
skipCreatingInitialPolicies: ["*"]
---
type: Dataplane
mesh: default
name: web-1
networking:
  address: 127.0.1.1
  inbound: [{port: 8080, tags: {kuma.io/service: web, kuma.io/protocol: http}}]
  outbound: [{port: 10001, tags: {kuma.io/service: api}}]
---
type: Dataplane
mesh: default
name: api-1
networking:
  address: 127.0.1.2
  inbound: [{port: 8080, tags: {kuma.io/service: api, kuma.io/protocol: http}}]
`;

test("a mesh of service tags with a CA of its own", () => {
  const denied = ask(TAGS, "web", "api");
  assert.deepEqual([denied.verdict, denied.source.spiffeId], ["denied", "spiffe://default/web"]);
  const remedy = `\n---\n${JSON.stringify(denied.remedy?.document)}`;
  const allowed = ask(TAGS + remedy, "web", "api-1");
  assert.deepEqual([allowed.verdict, allowed.decidedBy?.rule], ["allowed", "from[0]"]);
  assert.deepEqual(ask(TAGS, "api", "web").remedy?.document, {
    networking: { outbound: [{ port: 10_001, tags: { "kuma.io/service": "web" } }] },
  });
});

test("names: what is meant by a typo, what is ambiguous, which port", () => {
  assert.deepEqual(problemOf(AIRLINE, "protal", "check-in"), {
    kind: "unknown",
    field: "source",
    message: 'there is no dataplane or workload "protal"; did you mean "portal"?',
    suggestions: ["portal"],
  });
  assert.match(problemOf(AIRLINE, "portal", "chek-in").message, /did you mean "check-in"\?/);
  assert.match(problemOf(AIRLINE, "portal", "check-in:81").message, /no port 81; there are check-in:8080/);
  assert.match(problemOf(AIRLINE, "portal", "check-in:81", { port: 82 }).message, /names port 81/);
  const twice = AIRLINE.replace("app: radar", "app: portal");
  assert.equal(problemOf(twice, "portal", "check-in").kind, "ambiguous");
  assert.equal(ask(twice, "radar", "check-in-1").source.dataplane, "radar-1");
});

test("the offline world says what it assumes", () => {
  const [, ...rest] = AIRLINE.split("---\n");
  assert.match(worldOf(rest.join("---\n")).assumptions.join(), /there is no Mesh "default"/);
  assert.deepEqual(worldOf(AIRLINE).assumptions, []);
});

test("faults are told to those who meet them, with their share", () => {
  const faults = policy("MeshFaultInjection", "bad-day", {
    rules: [
      {
        matches: [{ spiffeID: { type: "Exact", value: "spiffe://air.test/portal" } }],
        default: {
          http: [
            { abort: { httpStatus: 503, percentage: 25 }, delay: { value: "2s", percentage: "12.5" } },
            { responseBandwidth: { limit: "8kbps", percentage: 100 } },
          ],
        },
      },
    ],
  });
  const world = AIRLINE + IDENTITY + allow("portal") + faults;
  const met = ask(world, "portal", "check-in");
  assert.match(
    met.seen,
    /^the application.s answer to 75% and 503 to 25% of the requests, or 504 after 15s; a MeshFaultInjection slows some requests on purpose$/,
  );
  const inbound = met.branches[0]?.hops.find(({ at }) => at === "inbound");
  assert.equal(inbound?.outcome, "warn");
  assert.match(inbound?.text ?? "", /a MeshFaultInjection interferes on purpose/);
  const told = inbound?.facts.filter(({ name }) => name.startsWith("fault."));
  assert.deepEqual(
    told?.map(({ value }) => value),
    [
      "12.5% of the requests wait 2s",
      "25% of the requests get 503",
      "100% of the requests are answered at 8kbps",
    ],
  );
  assert.match(told?.[0]?.origin?.policy ?? "", /bad-day/);
  const other = ask(
    AIRLINE + IDENTITY + allow("portal") + faults.replace("/portal", "/radar"),
    "portal",
    "check-in",
  );
  assert.ok(hops(other).includes("inbound pass"), "a caller whom no rule is about meets none");
});
