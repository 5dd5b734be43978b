import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import { HttpFilterSchema } from "@skein/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb";
import { policies } from "./all.ts";
import { inboundDraft } from "./testing/drafts.ts";
import { valid } from "./testing/resources.ts";

const written = (type: string, spec: object) => {
  const definition = policies.find(({ kind }) => kind.type === type);
  assert.ok(definition !== undefined);
  const targetRef = { kind: "Dataplane" };
  return [type, [valid(definition.kind, { targetRef, ...spec })]] as const;
};
const rules = (type: string, conf: object) => written(type, { rules: [{ default: conf }] });

test("on inbounds faults come before limits, then the agent is asked, all between the protocol's filters and the router", () => {
  const rate = { num: 1, interval: "1s" };
  const byType = new Map([
    rules("MeshRateLimit", { local: { http: { requestRate: rate }, tcp: { connectionRate: rate } } }),
    rules("MeshFaultInjection", { http: [{ abort: { httpStatus: 503, percentage: 1 } }] }),
    written("MeshOPA", { default: { appendPolicies: [{ rego: { secret: "s" } }] } }),
  ]);
  const draft = inboundDraft("grpc");
  const given = ["envoy.filters.http.grpc_stats", "envoy.filters.http.router"];
  draft.hcm?.httpFilters.push(...given.map((name) => create(HttpFilterSchema, { name })));
  for (const definition of policies) {
    const plan = definition.planInbound?.({
      policies: byType.get(definition.kind.type) ?? [],
      mesh: "default",
      service: "web",
      protocol: "grpc",
      callers: "identity",
    });
    definition.translateInbound?.(plan, draft);
  }
  assert.deepEqual(
    draft.hcm?.httpFilters.map(({ name }) => name),
    [
      "envoy.filters.http.grpc_stats",
      "envoy.filters.http.fault",
      "envoy.filters.http.local_ratelimit",
      "envoy.filters.http.ext_authz",
      "envoy.filters.http.router",
    ],
  );
});
