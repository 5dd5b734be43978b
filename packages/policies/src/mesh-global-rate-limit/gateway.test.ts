import assert from "node:assert/strict";
import { test } from "node:test";
import { RouteSchema } from "@skein/envoy-api/envoy/config/route/v3/route_components_pb";
import { HttpFilterSchema } from "@skein/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb";
import type { PolicyDefinition } from "../definition.ts";
import { json } from "../testing/drafts.ts";
import { atGateway, effectOf, filtersOf, gatewayInput, type TestGateway } from "../testing/gateway.ts";
import { valid } from "../testing/resources.ts";
import { meshGlobalRateLimit } from "./policy.ts";

const FILTER = "envoy.filters.http.ratelimit";
const EDGE = { kind: "MeshGateway", name: "edge" };
const TAGGED = { ...EDGE, tags: { port: "https" } };
const backend = (port: number) => ({ backend: { rateLimitService: { url: `http://127.0.0.1:${port}` } } });
const rate = (num: number) => ({ http: { requestRate: { num, interval: "1m" } } });
const policy = (name: string, block: "to" | "from", conf: unknown, targetRef: unknown = EDGE) =>
  valid(
    meshGlobalRateLimit.kind,
    { targetRef, [block]: [{ targetRef: { kind: "Mesh" }, default: conf }] },
    { name },
  );
const gateway = (policies: readonly ReturnType<typeof policy>[], options: TestGateway = {}) =>
  atGateway(meshGlobalRateLimit as PolicyDefinition, policies, options);
const limitsOf = (of: ReturnType<typeof gateway>, host = "*") => {
  const [route] = of.hosts[host]?.virtualHosts[0]?.routes ?? [];
  assert.ok(route);
  return (json(RouteSchema, route.route) as { route: { rateLimits?: readonly { limit: object }[] } }).route
    .rateLimits;
};

test("requests of a gateway are counted by its service, at the service that a policy for the mesh names", () => {
  const counted = gateway([
    policy("rate", "to", rate(7)),
    policy("service", "to", backend(10_003), { kind: "Mesh" }),
  ]);
  assert.deepEqual(filtersOf(counted), [FILTER]);
  const [filter] = counted.chain.hcm?.httpFilters ?? [];
  assert.ok(filter);
  const { typedConfig } = json(HttpFilterSchema, filter) as { typedConfig: { domain: string } };
  assert.equal(typedConfig.domain, "default");
  assert.deepEqual([...counted.chain.services.keys()], ["rate-limit-service:127.0.0.1:10003"]);
  assert.deepEqual(limitsOf(counted), [
    {
      actions: [{ genericKey: { descriptorKey: "kuma.io/service", descriptorValue: "edge" } }],
      limit: { rateLimit: { requestsPerUnit: 7, unit: "MINUTE" } },
    },
  ]);
});

test("a listener by its tags has a rate of its own", () => {
  const counted = gateway([policy("a", "to", { ...backend(10_003), ...rate(7) })], {
    hosts: { "a.example": [], "b.example": [policy("b", "to", rate(2), TAGGED)] },
  });
  assert.deepEqual(filtersOf(counted), [FILTER], "they ask the same service in the same way");
  assert.deepEqual(
    ["a.example", "b.example"].map((host) => limitsOf(counted, host)?.map(({ limit }) => limit)),
    [
      [{ rateLimit: { requestsPerUnit: 7, unit: "MINUTE" } }],
      [{ rateLimit: { requestsPerUnit: 2, unit: "MINUTE" } }],
    ],
  );
});

test("a listener by its tags asks a service of its own, and nobody else asks it", () => {
  const own = policy("b", "to", backend(10_004), TAGGED);
  const counted = gateway([policy("a", "to", { ...backend(10_003), ...rate(7) })], {
    hosts: { "a.example": [], "b.example": [own], "c.example": [own] },
  });
  assert.deepEqual(filtersOf(counted), [FILTER, `(${FILTER}.2)`]);
  const asked = (host: string) =>
    [FILTER, `${FILTER}.2`].map((name) => effectOf(counted, host, "shop", name));
  assert.deepEqual(asked("a.example"), [undefined, undefined]);
  assert.deepEqual(asked("b.example"), ["off", "on"]);
  assert.deepEqual(asked("c.example"), ["off", "on"]);
  assert.equal(counted.chain.services.size, 2);
});

test("what from lists say is about sidecars", () => {
  const input = gatewayInput([policy("p", "from", { ...backend(10_003), ...rate(7) }, { kind: "Mesh" })]);
  assert.equal(meshGlobalRateLimit.planGateway?.(input), undefined);
});
