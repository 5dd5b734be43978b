import assert from "node:assert/strict";
import { test } from "node:test";
import type { Explanation } from "./explanation.ts";
import { AIRLINE, allow, ask, IDENTITY, policy } from "./testing/airline.ts";

const match = (who: string) => ({ spiffeID: { type: "Exact", value: `spiffe://air.test/${who}` } });
const SIDECARS = { kind: "Mesh", proxyTypes: ["Sidecar"] };
const MESH = AIRLINE + IDENTITY + allow("portal");
const told = ({ branches }: Explanation, prefix: string) =>
  branches[0]?.hops
    .flatMap(({ facts }) => facts)
    .filter(({ name }) => name.startsWith(prefix))
    .map(({ name, value, origin }) => `${name}: ${value} (${origin?.rule})`);

test("a fault for this caller is told, and one that aborts everything is the verdict", () => {
  const fault = (percentage: number, who = "portal") =>
    policy("MeshFaultInjection", "f", {
      rules: [{ matches: [match(who)], default: { http: [{ abort: { httpStatus: 418, percentage } }] } }],
    });
  const half = ask(MESH + fault(50), "portal", "check-in");
  assert.equal(half.verdict, "allowed");
  assert.deepEqual(told(half, "fault"), ["fault.abort: 50% of the requests get 418 (rules[0])"]);
  const all = ask(MESH + fault(100), "portal", "check-in");
  assert.deepEqual(
    [all.verdict, all.decidedBy],
    ["aborted", { policy: "kri_mfi_default_east__f_", rule: "rules[0]" }],
  );
  assert.match(all.reason, /aborts every request of this caller with 418/);
  assert.equal(ask(MESH + fault(100, "radar"), "portal", "check-in").verdict, "allowed");
});

test("by tags the last entry that covers the caller counts", () => {
  const fault = policy("MeshFaultInjection", "f", {
    targetRef: SIDECARS,
    from: [
      { targetRef: { kind: "Mesh" }, default: { http: [{ delay: { value: "1s", percentage: 5 } }] } },
      {
        targetRef: { kind: "MeshSubset", tags: { "kuma.io/service": "portal" } },
        default: { http: [{ abort: { httpStatus: 503, percentage: "100" } }] },
      },
    ],
  });
  const answer = ask(AIRLINE + fault, "portal", "check-in");
  assert.deepEqual(
    [answer.verdict, told(answer, "fault")],
    ["aborted", ["fault.abort: 100% of the requests get 503 (from[1])"]],
  );
});

test("limits of an instance, of this caller, of connections and of all instances", () => {
  const rate = (num: number) => ({ requestRate: { num, interval: "1s" } });
  const limits = policy("MeshRateLimit", "l", {
    targetRef: SIDECARS,
    rules: [
      { default: { local: { http: rate(10), tcp: { connectionRate: { num: 3, interval: "1s" } } } } },
      { matches: [match("portal")], default: { local: { http: { disabled: true } } } },
    ],
  });
  const answer = ask(MESH + limits, "portal", "check-in");
  assert.equal(answer.verdict, "allowed");
  assert.deepEqual(told(answer, "rate limit"), ["rate limit of this caller: none: disabled (rules[1])"]);
  assert.deepEqual(told(answer, "connection limit"), [
    "connection limit: 3 per 1s; over it connections are closed (rules[0])",
  ]);
  const everybody = policy("MeshRateLimit", "l", {
    targetRef: SIDECARS,
    rules: [{ default: { local: { http: rate(10) } } }],
  });
  assert.deepEqual(told(ask(MESH + everybody, "portal", "check-in"), "rate limit"), [
    "rate limit: 10 per 1s; over it 429 (rules[0])",
  ]);
  const global = policy("MeshGlobalRateLimit", "g", {
    targetRef: SIDECARS,
    from: [
      {
        targetRef: { kind: "Mesh" },
        default: {
          http: rate(7),
          mode: "Shadow",
          backend: { rateLimitService: { url: "http://rl:1", timeout: "1s" } },
        },
      },
    ],
  });
  assert.match(
    told(ask(MESH + global, "portal", "check-in"), "global")?.join() ?? "",
    /^global rate limit: 7 per 1s; over all instances of check-in; more are counted only/,
  );
});
