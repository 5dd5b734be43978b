import assert from "node:assert/strict";
import { test } from "node:test";
import { RouteSchema } from "@skein/envoy-api/envoy/config/route/v3/route_components_pb";
import { HttpFilterSchema } from "@skein/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb";
import { json, listenerDraft } from "../testing/drafts.ts";
import { listenerInput, valid } from "../testing/resources.ts";
import { meshGlobalRateLimit } from "./policy.ts";

const EDGE = { kind: "MeshGateway", name: "edge" };
const BACKEND = { backend: { rateLimitService: { url: "http://127.0.0.1:10003" } } };
const RATE = { http: { requestRate: { num: 7, interval: "1m" } } };
const policy = (name: string, block: "to" | "from", conf: unknown, targetRef: unknown) =>
  valid(
    meshGlobalRateLimit.kind,
    { targetRef, [block]: [{ targetRef: { kind: "Mesh" }, default: conf }] },
    { name },
  );

test("requests of a gateway are counted by its service, at the service that a policy for the mesh names", () => {
  const input = listenerInput([
    policy("rate", "to", RATE, EDGE),
    policy("service", "to", BACKEND, { kind: "Mesh" }),
  ]);
  const plan = meshGlobalRateLimit.planListener?.(input);
  const draft = listenerDraft();
  meshGlobalRateLimit.translateListener?.(plan, draft);
  const [filter] = draft.hcm?.httpFilters ?? [];
  assert.ok(filter);
  const { typedConfig } = json(HttpFilterSchema, filter) as { typedConfig: { domain: string } };
  assert.equal(typedConfig.domain, "default");
  assert.deepEqual([...draft.services.keys()], ["rate-limit-service:127.0.0.1:10003"]);
  const [route] = draft.routes;
  assert.ok(route);
  const { rateLimits } = (json(RouteSchema, route.route) as { route: { rateLimits: unknown } }).route;
  assert.deepEqual(rateLimits, [
    {
      actions: [{ genericKey: { descriptorKey: "kuma.io/service", descriptorValue: "edge" } }],
      limit: { rateLimit: { requestsPerUnit: 7, unit: "MINUTE" } },
    },
  ]);
});

test("what from lists say is about sidecars", () => {
  const input = listenerInput([policy("p", "from", { ...BACKEND, ...RATE }, { kind: "Mesh" })]);
  assert.equal(meshGlobalRateLimit.planListener?.(input), undefined);
});
