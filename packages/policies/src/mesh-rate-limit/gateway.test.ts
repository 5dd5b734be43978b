import assert from "node:assert/strict";
import { test } from "node:test";
import { FilterSchema } from "@skein/envoy-api/envoy/config/listener/v3/listener_components_pb";
import type { PolicyDefinition } from "../definition.ts";
import { json } from "../testing/drafts.ts";
import { atGateway, effectOf, filtersOf, type TestGateway } from "../testing/gateway.ts";
import { valid } from "../testing/resources.ts";
import { meshRateLimit } from "./policy.ts";

const FILTER = "envoy.filters.http.local_ratelimit";
const EDGE = { kind: "MeshGateway", name: "edge" };
const ROUTE = { kind: "MeshHTTPRoute", name: "shop" };
const rate = (num: number) => ({ requestRate: { num, interval: "1s" } });
const policy = (name: string, local: unknown, targetRef: unknown = EDGE) =>
  valid(
    meshRateLimit.kind,
    { targetRef, to: [{ targetRef: { kind: "Mesh" }, default: { local } }] },
    { name },
  );
const gateway = (policies: readonly ReturnType<typeof policy>[], options: TestGateway = {}) =>
  atGateway(meshRateLimit as PolicyDefinition, policies, options);
/** Size of the bucket from which a route's requests draw. */
const bucket = (of: ReturnType<typeof gateway>, route: "shop" | "other", host = "*") => {
  const effect = effectOf(of, host, route, FILTER) as
    | string
    | { tokenBucket: { maxTokens: number } }
    | undefined;
  return typeof effect === "object" ? effect.tokenBucket.maxTokens : effect;
};

test("one bucket for all routes of a port, and no filter where nobody limits", () => {
  const limited = gateway([policy("a", { http: rate(5) })]);
  assert.deepEqual([bucket(limited, "shop"), bucket(limited, "other")], [5, 5]);
  assert.deepEqual(Object.keys(limited.chain.config), [FILTER], "it is said once for the port");
  assert.deepEqual(filtersOf(limited), [FILTER]);
  assert.deepEqual(filtersOf(gateway([])), []);
});

test("a listener by its tags has a bucket of its own, or none", () => {
  const tagged = (local: unknown) => policy("z", local, { ...EDGE, tags: { port: "https" } });
  const limited = gateway([policy("a", { http: rate(5) })], {
    hosts: {
      "a.example": [],
      "b.example": [tagged({ http: rate(1) })],
      "c.example": [tagged({ http: { disabled: true } })],
    },
  });
  assert.deepEqual(
    ["a.example", "b.example", "c.example"].map((host) => bucket(limited, "other", host)),
    [5, 1, "off"],
  );
  const alone = gateway([], { hosts: { "a.example": [], "b.example": [tagged({ http: rate(1) })] } });
  assert.deepEqual([bucket(alone, "shop", "a.example"), bucket(alone, "shop", "b.example")], [undefined, 1]);
  assert.deepEqual(filtersOf(alone), [FILTER]);
});

test("a route that an older policy names has a bucket of its own, or none", () => {
  const all = policy("a", { http: rate(5) });
  const own = gateway([all, policy("b", { http: rate(2) }, ROUTE)]);
  assert.deepEqual([bucket(own, "shop"), bucket(own, "other")], [2, 5]);
  const none = gateway([all, policy("b", { http: { disabled: true } }, ROUTE)]);
  assert.deepEqual([bucket(none, "shop"), bucket(none, "other")], ["off", 5]);
  const only = gateway([policy("b", { http: rate(2) }, ROUTE)]);
  assert.deepEqual([bucket(only, "shop"), bucket(only, "other")], [2, undefined]);
});

test("connections over the limit are closed ahead of everything else", () => {
  const [filter, ...others] = gateway(
    [policy("a", { tcp: { connectionRate: { num: 3, interval: "1s" } } })],
    {
      isHttp: false,
    },
  ).chain.networkFilters;
  assert.ok(filter);
  assert.deepEqual(others, []);
  const { typedConfig } = json(FilterSchema, filter) as {
    typedConfig: { shareKey: string; tokenBucket: object };
  };
  assert.equal(typedConfig.shareKey, "edge");
  assert.deepEqual(typedConfig.tokenBucket, { maxTokens: 3, tokensPerFill: 3, fillInterval: "1s" });
});

test("over the limit the configured answer", () => {
  const onRateLimit = { status: 503, headers: { set: [{ name: "x-limited", value: "yes" }] } };
  const limited = gateway([policy("a", { http: { ...rate(1), onRateLimit } })]);
  const { status, responseHeadersToAdd } = effectOf(limited, "*", "shop", FILTER) as {
    status: object;
    responseHeadersToAdd: readonly { header: object }[];
  };
  assert.deepEqual(status, { code: "ServiceUnavailable" });
  assert.deepEqual(responseHeadersToAdd[0]?.header, { key: "x-limited", value: "yes" });
});
