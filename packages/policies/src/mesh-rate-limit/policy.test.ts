import assert from "node:assert/strict";
import { test } from "node:test";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { FilterSchema } from "@skein/envoy-api/envoy/config/listener/v3/listener_components_pb";
import { RouteSchema } from "@skein/envoy-api/envoy/config/route/v3/route_components_pb";
import fc from "fast-check";
import type { InboundDraft } from "../draft.ts";
import { callerGroups } from "../engine/by-caller.ts";
import type { CallerMatch } from "../engine/policy-resource.ts";
import { callerMatch } from "../testing/callers.ts";
import { inboundDraft, json } from "../testing/drafts.ts";
import { PROTOCOLS, valid } from "../testing/resources.ts";
import { meshRateLimit } from "./policy.ts";

const SIDECARS = { kind: "Mesh", proxyTypes: ["Sidecar"] };
const HTTP = "envoy.filters.http.local_ratelimit";
const WEB: CallerMatch = { spiffeID: { type: "Exact", value: "spiffe://td/web" } };
const API: CallerMatch = { spiffeID: { type: "Exact", value: "spiffe://td/api" } };

const rate = (num: number, interval = "1s") => ({ requestRate: { num, interval } });
const http = (conf: unknown, ...matches: unknown[]) => ({ matches, default: { local: { http: conf } } });
const policy = (rules: unknown, name = "p") =>
  valid(meshRateLimit.kind, { targetRef: SIDECARS, rules }, { name });
const planOf = (...policies: ReturnType<typeof policy>[]) =>
  meshRateLimit.planInbound?.({
    policies,
    mesh: "default",
    service: "web",
    protocol: "http",
    callers: "identity",
  });

const translated = (rules: readonly unknown[], extra: readonly CallerMatch[] = []): InboundDraft => {
  const plan = planOf(policy(rules));
  const callers = plan === undefined ? [] : (meshRateLimit.callers?.(plan) ?? []);
  const draft = inboundDraft("http", callerGroups([...callers, ...extra]));
  meshRateLimit.translateInbound?.(plan, draft);
  return draft;
};

/** What each caller's route says of the limit, the virtual host's as `all`. */
const limits = (draft: InboundDraft): unknown => {
  const common = draft.virtualHostConfig[HTTP];
  return {
    all: common && json(AnySchema, common),
    ...Object.fromEntries(
      draft.routes.map(({ route, caller }) => {
        const { typedPerFilterConfig } = json(RouteSchema, route) as { typedPerFilterConfig?: object };
        return [caller?.spiffeID?.value ?? "others", Reflect.get(typedPerFilterConfig ?? {}, HTTP)];
      }),
    ),
  };
};

const limit = (num: number, seconds: number, more: object = {}) => ({
  "@type": "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
  statPrefix: "rate_limit",
  tokenBucket: { maxTokens: num, tokensPerFill: num, fillInterval: `${seconds}s` },
  filterEnabled: { defaultValue: { numerator: 100 }, runtimeKey: "local_rate_limit_enabled" },
  filterEnforced: { defaultValue: { numerator: 100 }, runtimeKey: "local_rate_limit_enforced" },
  ...more,
});
const OFF = { "@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", disabled: true };
const filters = ({ hcm }: InboundDraft) => hcm?.httpFilters.map(({ name }) => name);

test("no policy, nothing in the way", () => {
  for (const protocol of PROTOCOLS) {
    const draft = inboundDraft(protocol);
    meshRateLimit.translateInbound?.(planOf(), draft);
    assert.deepEqual([filters(draft) ?? [], draft.networkFilters, draft.virtualHostConfig], [[], [], {}]);
  }
});

test("one bucket for all routes of the inbound", () => {
  const draft = translated([http(rate(5, "1m"))], [WEB]);
  assert.deepEqual(filters(draft), [HTTP]);
  assert.deepEqual(limits(draft), { all: limit(5, 60), "spiffe://td/web": undefined, others: undefined });
});

test("the answer over the limit", () => {
  const onRateLimit = {
    status: 503,
    headers: { set: [{ name: "a", value: "1, 2" }], add: [{ name: "b", value: "3" }] },
  };
  assert.deepEqual(limits(translated([http({ ...rate(1), onRateLimit })])), {
    all: limit(1, 1, {
      status: { code: "ServiceUnavailable" },
      responseHeadersToAdd: [
        { header: { key: "b", value: "3" } },
        { header: { key: "a", value: "1, 2" }, appendAction: "OVERWRITE_IF_EXISTS_OR_ADD" },
      ],
    }),
    others: undefined,
  });
});

test("a status that Envoy would not answer with is left to Envoy", () => {
  const draft = translated([http({ ...rate(1), onRateLimit: { status: 299 } })]);
  assert.deepEqual(limits(draft), { all: limit(1, 1), others: undefined });
});

test("by caller: on top of what holds for all, or nothing", () => {
  const draft = translated([
    http({ ...rate(100), onRateLimit: { status: 503 } }),
    http(rate(5), WEB),
    http({ disabled: true }, API),
  ]);
  const status = { status: { code: "ServiceUnavailable" } };
  assert.deepEqual(limits(draft), {
    all: limit(100, 1, status),
    "spiffe://td/web": limit(5, 1, status),
    "spiffe://td/api": OFF,
    others: undefined,
  });
});

test("only some callers are limited", () => {
  const draft = translated([
    http({ onRateLimit: { status: 503 } }),
    http(rate(5), WEB),
    http({ disabled: true }, API),
  ]);
  assert.deepEqual(filters(draft), [HTTP]);
  assert.deepEqual(limits(draft), {
    all: undefined,
    "spiffe://td/web": limit(5, 1, { status: { code: "ServiceUnavailable" } }),
    "spiffe://td/api": undefined,
    others: undefined,
  });
});

test("nobody is limited: no filter", () => {
  const draft = translated([
    http({ disabled: true, ...rate(1) }),
    http({ onRateLimit: { status: 503 } }, WEB),
  ]);
  assert.deepEqual(filters(draft), []);
});

test("connections, whatever the protocol", () => {
  const plan = planOf(
    policy([{ default: { local: { tcp: { connectionRate: { num: 3, interval: "90s" } } } } }]),
  );
  for (const protocol of PROTOCOLS) {
    const draft = inboundDraft(protocol);
    meshRateLimit.translateInbound?.(plan, draft);
    assert.deepEqual(
      draft.networkFilters.map((filter) => json(FilterSchema, filter)),
      [
        {
          name: "envoy.extensions.filters.network.local_ratelimit.v3.LocalRateLimit",
          typedConfig: {
            "@type": "type.googleapis.com/envoy.extensions.filters.network.local_ratelimit.v3.LocalRateLimit",
            statPrefix: "tcp_rate_limit",
            tokenBucket: { maxTokens: 3, tokensPerFill: 3, fillInterval: "90s" },
            shareKey: "c",
          },
        },
      ],
    );
  }
  const off = inboundDraft("tcp");
  const disabled = { tcp: { disabled: true, connectionRate: { num: 3, interval: "1s" } } };
  meshRateLimit.translateInbound?.(planOf(policy([{ default: { local: disabled } }])), off);
  assert.deepEqual(off.networkFilters, []);
});

test("from and rules of several policies are one list, with origins", () => {
  const from = valid(
    meshRateLimit.kind,
    { targetRef: SIDECARS, from: [{ targetRef: { kind: "Mesh" }, default: { local: { http: rate(1) } } }] },
    { name: "b" },
  );
  const plan = planOf(policy([http({ onRateLimit: { status: 503 } }), http(rate(2), WEB)], "a"), from);
  assert.deepEqual(plan?.conf.local?.http, {
    requestRate: { num: 1, interval: "1s" },
    onRateLimit: { status: 503 },
  });
  assert.deepEqual(plan?.callers?.[0]?.origins, {
    "local.http.requestRate.num": { policy: "kri_mrl_default___a_", rule: "rules[1]" },
    "local.http.requestRate.interval": { policy: "kri_mrl_default___a_", rule: "rules[1]" },
    "local.http.onRateLimit.status": { policy: "kri_mrl_default___a_", rule: "rules[0]" },
  });
  assert.ok(plan !== undefined);
  assert.equal([...meshRateLimit.origins(plan)].length, 6);
});

test("law: the order in which policies come never shows", () => {
  const conf = fc.oneof(
    fc.nat(3).map((n) => rate(n + 1)),
    fc.constantFrom({ disabled: true }, { disabled: false, ...rate(9) }, { onRateLimit: { status: 503 } }),
  );
  const rule = fc.tuple(fc.array(callerMatch, { maxLength: 2 }), conf);
  const lists = fc.array(fc.array(rule, { minLength: 1, maxLength: 3 }), { maxLength: 3 });
  fc.assert(
    fc.property(lists, (all) => {
      const written = all.map((entries, i) =>
        policy(
          entries.map(([matches, each]) => http(each, ...matches)),
          `p${i}`,
        ),
      );
      assert.deepEqual(planOf(...[...written].reverse()), planOf(...written));
    }),
  );
});
