import assert from "node:assert/strict";
import { test } from "node:test";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { FilterSchema } from "@skein/envoy-api/envoy/config/listener/v3/listener_components_pb";
import { draftBuckets } from "../testing/buckets.ts";
import { json, listenerDraft } from "../testing/drafts.ts";
import { listenerInput, valid } from "../testing/resources.ts";
import { meshRateLimit } from "./policy.ts";

const EDGE = { kind: "MeshGateway", name: "edge" };
const MESH = { kind: "Mesh" };
const ROUTE = { kind: "MeshHTTPRoute", kri: "kri_mhttpr_default___shop_", name: "shop", labels: {} } as const;
const rate = (num: number) => ({ requestRate: { num, interval: "1s" } });
const policy = (name: string, local: unknown, targetRef: unknown = EDGE) =>
  valid(meshRateLimit.kind, { targetRef, to: [{ targetRef: MESH, default: { local } }] }, { name });
const translated = (protocol: "http" | "tcp", ...policies: ReturnType<typeof policy>[]) => {
  const draft = listenerDraft(protocol, [ROUTE.kri]);
  const plan = meshRateLimit.planListener?.(listenerInput(policies, { protocol, routes: [ROUTE] }));
  meshRateLimit.translateListener?.(plan, draft);
  return draft;
};

test("one bucket for all routes of a listener, and none where nobody limits", () => {
  const draft = translated("http", policy("a", { http: rate(5) }));
  assert.deepEqual(draftBuckets(draft), { all: 5, kri_mhttpr_default___shop_: undefined, others: undefined });
  assert.deepEqual(
    draft.hcm?.httpFilters.map(({ name }) => name),
    ["envoy.filters.http.local_ratelimit"],
  );
  assert.deepEqual(translated("http").hcm?.httpFilters, []);
});

test("the listener by its tags wins over the gateway", () => {
  const narrow = policy("z", { http: rate(1) }, { ...EDGE, tags: { port: "https" } });
  assert.equal(draftBuckets(translated("http", policy("a", { http: rate(5) }), narrow)).all, 1);
});

test("a route that an older policy names has a bucket of its own, or none", () => {
  const gateway = policy("a", { http: rate(5) });
  const route = { kind: "MeshHTTPRoute", name: "shop" };
  assert.deepEqual(draftBuckets(translated("http", gateway, policy("b", { http: rate(2) }, route))), {
    all: 5,
    kri_mhttpr_default___shop_: 2,
    others: undefined,
  });
  assert.deepEqual(
    draftBuckets(translated("http", gateway, policy("b", { http: { disabled: true } }, route))),
    {
      all: 5,
      kri_mhttpr_default___shop_: "off",
      others: undefined,
    },
  );
});

test("connections over the limit are closed ahead of everything else", () => {
  const [filter, ...others] = translated(
    "tcp",
    policy("a", { tcp: { connectionRate: { num: 3, interval: "1s" } } }),
  ).networkFilters;
  assert.ok(filter);
  assert.deepEqual(others, []);
  const { typedConfig } = json(FilterSchema, filter) as {
    typedConfig: { shareKey: string; tokenBucket: object };
  };
  assert.equal(typedConfig.shareKey, "edge:HTTP:8080");
  assert.deepEqual(typedConfig.tokenBucket, { maxTokens: 3, tokensPerFill: 3, fillInterval: "1s" });
});

test("over the limit the configured answer", () => {
  const onRateLimit = { status: 503, headers: { set: [{ name: "x-limited", value: "yes" }] } };
  const draft = translated("http", policy("a", { http: { ...rate(1), onRateLimit } }));
  const [config] = Object.values(draft.virtualHostConfig);
  assert.ok(config);
  const { status, responseHeadersToAdd } = json(AnySchema, config) as {
    status: object;
    responseHeadersToAdd: readonly { header: object }[];
  };
  assert.deepEqual(status, { code: "ServiceUnavailable" });
  assert.deepEqual(responseHeadersToAdd[0]?.header, { key: "x-limited", value: "yes" });
});
