import assert from "node:assert/strict";
import { test } from "node:test";
import { RouteSchema } from "@skein/envoy-api/envoy/config/route/v3/route_components_pb";
import fc from "fast-check";
import type { InboundDraft } from "../draft.ts";
import { callerGroups } from "../engine/by-caller.ts";
import type { CallerMatch } from "../engine/policy-resource.ts";
import type { Protocol } from "../plan/destination-plan.ts";
import { callerMatch, covers, identifiedCaller } from "../testing/callers.ts";
import { inboundDraft, json } from "../testing/drafts.ts";
import { policy as anyPolicy, PROTOCOLS, valid } from "../testing/resources.ts";
import { limitKbps } from "./bandwidth.ts";
import { meshFaultInjection } from "./policy.ts";

const SIDECARS = { kind: "Mesh", proxyTypes: ["Sidecar"] };
const WEB: CallerMatch = { spiffeID: { type: "Exact", value: "spiffe://td/web" } };
const TD: CallerMatch = { spiffeID: { type: "Prefix", value: "spiffe://td" } };

/** A fault filter's configuration, as far as tests look into it. */
interface FaultJson {
  readonly abort?: { readonly httpStatus: number };
  readonly headers?: unknown;
}

type Policies = readonly ReturnType<typeof valid>[];

const abort = (httpStatus: number) => ({ abort: { httpStatus, percentage: 100 } });
const policy = (spec: object, name = "p") =>
  valid(meshFaultInjection.kind, { targetRef: SIDECARS, ...spec }, { name });
const planOf = (policies: Policies, protocol: Protocol = "http") =>
  meshFaultInjection.planInbound?.({
    policies,
    mesh: "default",
    service: "web",
    protocol,
    callers: "identity",
  });

const translated = (policies: Policies, extra: readonly CallerMatch[] = []): InboundDraft => {
  const plan = planOf(policies);
  const callers = plan === undefined ? [] : (meshFaultInjection.callers?.(plan) ?? []);
  const draft = inboundDraft("http", callerGroups([...callers, ...extra]));
  meshFaultInjection.translateInbound?.(plan, draft);
  return draft;
};

/** The faults on each route, in the order of the filters. */
const faults = (draft: InboundDraft): readonly (readonly FaultJson[])[] =>
  draft.routes.map(({ route }) => {
    const { typedPerFilterConfig = {} } = json(RouteSchema, route) as { typedPerFilterConfig?: object };
    return (draft.hcm?.httpFilters ?? []).flatMap(({ name }) => {
      const { "@type": type, ...fault } = (Reflect.get(typedPerFilterConfig, name) ?? {}) as Record<
        string,
        unknown
      >;
      return type === undefined ? [] : [fault];
    });
  });

const statuses = (draft: InboundDraft): readonly (readonly unknown[])[] =>
  faults(draft).map((list) => list.map((fault) => fault.abort?.httpStatus));

test("nothing without a policy, and nothing for bytes", () => {
  for (const protocol of PROTOCOLS) {
    const draft = inboundDraft(protocol);
    meshFaultInjection.translateInbound?.(planOf([], protocol), draft);
    assert.deepEqual(draft.hcm?.httpFilters ?? [], []);
  }
  assert.equal(planOf([policy({ rules: [{ default: { http: [abort(503)] } }] })], "tcp"), undefined);
});

test("every field, and what does nothing is left out", () => {
  const http = [
    {
      abort: { httpStatus: 503, percentage: 5 },
      delay: { value: "1500ms", percentage: "12.5" },
      responseBandwidth: { limit: "50 Mbps", percentage: "0.125" },
    },
    {},
    { delay: { value: "0s", percentage: 100 } },
  ];
  const draft = translated([policy({ rules: [{ default: { http } }] })]);
  assert.deepEqual(faults(draft), [
    [
      {
        abort: { httpStatus: 503, percentage: { numerator: 5 } },
        delay: { fixedDelay: "1.500s", percentage: { numerator: 1250, denominator: "TEN_THOUSAND" } },
        responseRateLimit: {
          fixedLimit: { limitKbps: "50000" },
          percentage: { numerator: 1250, denominator: "MILLION" },
        },
      },
    ],
  ]);
});

test("limits of bandwidth", () => {
  const cases: readonly [text: string, kbps: bigint | undefined][] = [
    ["1kbps", 1n],
    ["10 kbps", 10n],
    ["2Mbps", 2_000n],
    ["1Gbps", 1_000_000n],
    ["1 Gbit", undefined],
    ["-1kbps", undefined],
    ["1  kbps", undefined],
  ];
  for (const [text, kbps] of cases) assert.equal(limitKbps(text), kbps, text);
});

test("every rule that fits adds its faults: the most specific first, then by precedence, then as listed", () => {
  const draft = translated([
    policy(
      {
        rules: [
          { default: { http: [abort(500)] } },
          { matches: [TD], default: { http: [abort(501)] } },
          { matches: [WEB, TD], default: { http: [abort(502), abort(503)] } },
        ],
      },
      "a",
    ),
    policy({ rules: [{ matches: [WEB], default: { http: [abort(504)] } }] }, "b"),
  ]);
  assert.deepEqual(
    draft.routes.map(({ caller }) => caller),
    [WEB, TD, undefined],
  );
  assert.deepEqual(statuses(draft), [[504, 502, 503, 501, 500], [501, 502, 503, 500], [500]]);
  assert.deepEqual(
    draft.hcm?.httpFilters.map(({ name }) => name),
    ["", ".2", ".3", ".4", ".5"].map((suffix) => `envoy.filters.http.fault${suffix}`),
  );
});

test("routes that other policies make have the faults of their callers", () => {
  const spec = { rules: [{ matches: [TD], default: { http: [abort(503)] } }] };
  assert.deepEqual(statuses(translated([policy(spec)], [WEB])), [[503], [503], []]);
});

test("by tags: the last entry that covers a caller is all that holds for it", () => {
  const web = { kind: "MeshSubset", tags: { "kuma.io/service": "web" } };
  const v1 = { kind: "MeshServiceSubset", name: "web", tags: { version: "v1" } };
  const all = { kind: "Mesh" };
  const from = [
    { targetRef: web, default: { http: [abort(500)] } },
    { targetRef: all, default: { http: [abort(501)] } },
    { targetRef: web, default: { http: [abort(502)] } },
    { targetRef: all, default: {} },
    { targetRef: v1, default: { http: [] } },
  ];
  const draft = translated([policy({ from })]);
  const header = (regex: string, more: object = {}) => ({
    name: "x-kuma-tags",
    stringMatch: { safeRegex: { regex } },
    treatMissingHeaderAsEmpty: true,
    ...more,
  });
  const isWeb = ".*&kuma\\.io/service=([^&]*,)?web(,[^&]*)?&.*";
  const not = { invertMatch: true };
  const isV1 = `${isWeb}&version=([^&]*,)?v1(,[^&]*)?&.*`;
  assert.deepEqual(
    faults(draft).map((list) => list.map(({ abort: at, headers }) => [at?.httpStatus, headers])),
    [
      [
        [501, [header(isV1, not), header(isWeb, not)]],
        [502, [header(isWeb), header(isV1, not)]],
      ],
    ],
  );
});

test("rules end what from lists say", () => {
  const from = policy({ from: [{ targetRef: { kind: "Mesh" }, default: { http: [abort(500)] } }] }, "a");
  const rules = policy({ rules: [{ matches: [WEB], default: { http: [abort(503)] } }] }, "b");
  assert.deepEqual(statuses(translated([from])), [[500]]);
  assert.deepEqual(statuses(translated([from, rules])), [[503], []]);
});

test("only lists that tell callers apart by tags ask for them", () => {
  const asks = (targetRef: object) =>
    meshFaultInjection.callerTags?.(policy({ from: [{ targetRef, default: { http: [] } }] }));
  assert.equal(asks({ kind: "Mesh" }), false);
  assert.equal(asks({ kind: "MeshService", name: "web" }), true);
  assert.equal(meshFaultInjection.callerTags?.(policy({ rules: [{ default: {} }] })), false);
});

const rule = fc.array(callerMatch, { maxLength: 2 });
const policies = fc.array(fc.array(rule, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 3 });
/** Each rule has a status of its own, so that a status names its rule. */
const numbered = (lists: readonly (readonly (readonly CallerMatch[])[])[]) =>
  lists.map((rules, i) =>
    anyPolicy(
      {
        rules: rules.map((matches, j) => ({ matches, default: { http: [abort(200 + 10 * i + j)] } })),
      },
      { name: `p${i}` },
    ),
  );

test("law: a caller meets the faults of exactly those rules that it fits, whatever routes there are", () => {
  fc.assert(
    fc.property(
      policies,
      fc.array(callerMatch, { maxLength: 2 }),
      identifiedCaller,
      (lists, extra, caller) => {
        const draft = translated(numbered(lists), extra);
        const at = draft.routes.findIndex(
          (route) => route.caller === undefined || covers(route.caller, caller),
        );
        const fitting = lists.flatMap((rules, i) =>
          rules.flatMap((matches, j) =>
            matches.length === 0 || matches.some((match) => covers(match, caller)) ? [200 + 10 * i + j] : [],
          ),
        );
        assert.deepEqual([...(statuses(draft)[at] ?? [])].sort(), fitting.sort());
      },
    ),
  );
});

test("law: the order in which policies come never shows", () => {
  fc.assert(
    fc.property(policies, (lists) => {
      const list = numbered(lists);
      assert.deepEqual(statuses(translated([...list].reverse())), statuses(translated(list)));
    }),
  );
});
