import assert from "node:assert/strict";
import { test } from "node:test";
import type { PolicyDefinition } from "../definition.ts";
import { atGateway, effectOf, filtersOf, gatewayInput, type TestGateway } from "../testing/gateway.ts";
import { valid } from "../testing/resources.ts";
import { meshFaultInjection } from "./policy.ts";

const FIRST = "envoy.filters.http.fault";
const SECOND = "envoy.filters.http.fault.2";
const EDGE = { kind: "MeshGateway", name: "edge" };
const abort = (httpStatus: number) => ({ abort: { httpStatus, percentage: 50 } });
const policy = (name: string, http: readonly unknown[], targetRef: unknown = EDGE) =>
  valid(
    meshFaultInjection.kind,
    { targetRef, to: [{ targetRef: { kind: "Mesh" }, default: { http } }] },
    { name },
  );
const gateway = (policies: readonly ReturnType<typeof policy>[], options: TestGateway = {}) =>
  atGateway(meshFaultInjection as PolicyDefinition, policies, options);
/** Statuses that requests to a host may meet. */
const met = (of: ReturnType<typeof gateway>, host = "*") =>
  [FIRST, SECOND].flatMap((filter) => {
    const effect = effectOf(of, host, "shop", filter) as
      | string
      | { abort?: { httpStatus: number } }
      | undefined;
    return typeof effect === "object" ? [effect.abort?.httpStatus] : [];
  });

test("every request that comes by the port meets every fault of the list", () => {
  const faulty = gateway([policy("a", [abort(503), abort(429)])]);
  assert.deepEqual(met(faulty), [503, 429]);
  assert.deepEqual(filtersOf(faulty), [FIRST, SECOND]);
  assert.deepEqual(filtersOf(gateway([])), []);
});

test("the list of the highest precedence is all that holds", () => {
  const all = policy("a", [abort(503), abort(429)], { kind: "Mesh" });
  assert.deepEqual(met(gateway([policy("b", [abort(500)]), all])), [500]);
  assert.deepEqual(met(gateway([policy("b", []), all])), [], "an empty list takes them away");
});

test("a listener by its tags meets its own faults only", () => {
  const tagged = (http: readonly unknown[]) => policy("z", http, { ...EDGE, tags: { port: "https" } });
  const faulty = gateway([policy("a", [abort(503), abort(429)])], {
    hosts: { "a.example": [], "b.example": [tagged([abort(500)])], "c.example": [tagged([])] },
  });
  assert.deepEqual(
    ["a.example", "b.example", "c.example"].map((host) => met(faulty, host)),
    [[503, 429], [500], []],
  );
});

test("bytes have no requests that could fail", () => {
  const input = gatewayInput([policy("a", [abort(503)])], { isHttp: false });
  assert.equal(meshFaultInjection.planGateway?.(input), undefined);
});
