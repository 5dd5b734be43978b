import assert from "node:assert/strict";
import { test } from "node:test";
import type { Protocol } from "../plan/destination-plan.ts";
import type { BackendPlan } from "../plan/outbound-plan.ts";
import { draftJson, outboundDraft } from "../testing/drafts.ts";
import { destination, valid } from "../testing/resources.ts";
import { meshTcpRoute } from "./policy.ts";

const service = { kind: "MeshService", name: "backend" };
const ref = (name: string, weight = 1) => ({ kind: "MeshService", name, port: 80, weight });
const spec = (...backendRefs: object[]) => ({
  to: [{ targetRef: service, rules: [{ default: { backendRefs } }] }],
});
const HTTP_ROUTE = { kind: "MeshHTTPRoute" as const, kri: "kri_mhttpr_default___r_", name: "r", labels: {} };

function split(protocol: Protocol, ...policies: ReturnType<typeof valid>[]) {
  const plan = meshTcpRoute.planOutbound?.({ policies, destination: destination({ protocol }), routes: [] });
  assert.ok(plan);
  const backends = Object.fromEntries(
    plan.references.map(({ key, ref: { name = "" } }): [string, BackendPlan] => [
      key,
      name === "nowhere"
        ? { kind: "unresolved", problem: "gone" }
        : { kind: "resolved", target: `${name}|80`, clusterName: name, destination: destination({ name }) },
    ]),
  );
  const draft = { ...outboundDraft(protocol), backends };
  meshTcpRoute.translateOutbound?.(plan, draft);
  return draftJson(draft);
}
const tcp = (...refs: object[]) => split("tcp", valid(meshTcpRoute.kind, spec(...refs))).tcp;

test("connections are shared out by weight", () => {
  assert.deepEqual(tcp(ref("v1", 3), ref("v2"), ref("nowhere"), ref("off", 0)), {
    weightedClusters: {
      clusters: [
        { name: "v1", weight: 3 },
        { name: "v2", weight: 1 },
      ],
    },
  });
  assert.deepEqual(tcp(ref("v1")), { cluster: "v1" });
});

test("with nobody left connections are closed", () => {
  assert.deepEqual(tcp(ref("nowhere")), { cluster: "skein_no_backend" });
});

test("requests keep their routes and are shared out too", () => {
  const { route, tcp: none } = split("http", valid(meshTcpRoute.kind, spec(ref("v1"), ref("v2"))));
  assert.equal(none, undefined);
  assert.deepEqual(route, {
    weightedClusters: {
      clusters: [
        { name: "v1", weight: 1 },
        { name: "v2", weight: 1 },
      ],
    },
  });
});

test("a list replaces those of lower precedence whole", () => {
  const policies = [
    valid(meshTcpRoute.kind, spec(ref("v1"), ref("v2")), { name: "b" }),
    valid(meshTcpRoute.kind, spec(ref("v3")), { name: "a" }),
  ];
  for (const each of [policies, policies.toReversed()])
    assert.deepEqual(split("tcp", ...each).tcp, { cluster: "v3" });
});

test("a MeshHTTPRoute for the same destination comes first", () => {
  const policies = [valid(meshTcpRoute.kind, spec(ref("v1")))];
  const input = { policies, destination: destination(), routes: [HTTP_ROUTE] };
  assert.equal(meshTcpRoute.planOutbound?.(input), undefined);
});
