import assert from "node:assert/strict";
import { test } from "node:test";
import { RouteSchema } from "@skein/envoy-api/envoy/config/route/v3/route_components_pb";
import { json, listenerDraft } from "../testing/drafts.ts";
import { listenerInput, valid } from "../testing/resources.ts";
import { meshFaultInjection } from "./policy.ts";

const EDGE = { kind: "MeshGateway", name: "edge" };
const abort = (httpStatus: number) => ({ abort: { httpStatus, percentage: 50 } });
const policy = (name: string, http: readonly unknown[], targetRef: unknown = EDGE) =>
  valid(
    meshFaultInjection.kind,
    { targetRef, to: [{ targetRef: { kind: "Mesh" }, default: { http } }] },
    { name },
  );
const faults = (...policies: ReturnType<typeof policy>[]) => {
  const draft = listenerDraft("http", ["kri_mhttpr_default___shop_"]);
  meshFaultInjection.translateListener?.(meshFaultInjection.planListener?.(listenerInput(policies)), draft);
  return {
    filters: draft.hcm?.httpFilters.map(({ name }) => name),
    routes: draft.routes.map(({ route }) => {
      const { typedPerFilterConfig = {} } = json(RouteSchema, route) as {
        typedPerFilterConfig?: Readonly<Record<string, { abort?: { httpStatus: number } }>>;
      };
      return Object.values(typedPerFilterConfig).map((config) => config.abort?.httpStatus);
    }),
  };
};

test("every route of the listener meets every fault of the list", () => {
  assert.deepEqual(faults(policy("a", [abort(503), abort(429)])), {
    filters: ["envoy.filters.http.fault", "envoy.filters.http.fault.2"],
    routes: [
      [503, 429],
      [503, 429],
    ],
  });
  assert.deepEqual(faults(), { filters: [], routes: [[], []] });
});

test("the list of the highest precedence is all that holds", () => {
  const all = policy("a", [abort(503), abort(429)], { kind: "Mesh" });
  assert.deepEqual(faults(policy("b", [abort(500)]), all).routes, [[500], [500]]);
  assert.deepEqual(faults(policy("b", []), all).routes, [[], []], "an empty list takes them away");
});

test("bytes have no requests that could fail", () => {
  const input = listenerInput([policy("a", [abort(503)])], { protocol: "tcp" });
  assert.equal(meshFaultInjection.planListener?.(input), undefined);
});
