import assert from "node:assert/strict";
import { test } from "node:test";
import { RouteSchema } from "@skein/envoy-api/envoy/config/route/v3/route_components_pb";
import { draftJson, inboundDraft, json, outboundDraft } from "../testing/drafts.ts";
import { destination, valid } from "../testing/resources.ts";
import { meshTimeout } from "./policy.ts";

const MESH = { kind: "Mesh" };
const EVERYTHING = {
  connectionTimeout: "1s",
  idleTimeout: "2s",
  http: {
    requestTimeout: "3s",
    streamIdleTimeout: "4s",
    maxStreamDuration: "5s",
    maxConnectionDuration: "6s",
    requestHeadersTimeout: "7s",
  },
};
const policy = (spec: unknown, name = "p") => valid(meshTimeout.kind, spec, { name });
const to = (conf: unknown, targetRef: unknown = MESH) => policy({ to: [{ targetRef, default: conf }] });
const inbound = (...policies: ReturnType<typeof policy>[]) =>
  meshTimeout.planInbound?.({
    policies,
    mesh: "default",
    service: "web",
    protocol: "http",
    callers: undefined,
  });
const outbound = (...policies: ReturnType<typeof policy>[]) =>
  meshTimeout.planOutbound?.({ policies, destination: destination(), routes: [] });

test("no policy: outbounds have limits, for every protocol", () => {
  for (const protocol of ["http", "http2", "grpc"] as const) {
    const draft = outboundDraft(protocol);
    meshTimeout.translateOutbound?.(outbound(), draft);
    const { cluster, httpOptions, hcm, route } = draftJson(draft);
    assert.deepEqual(cluster, { name: "c", connectTimeout: "5s" });
    assert.deepEqual(httpOptions, {
      commonHttpProtocolOptions: {
        idleTimeout: "3600s",
        maxConnectionDuration: "0s",
        maxStreamDuration: "0s",
      },
    });
    assert.deepEqual(route, { timeout: "15s", idleTimeout: "1800s" });
    assert.deepEqual(hcm, { commonHttpProtocolOptions: { idleTimeout: "0s" } });
  }
  const draft = outboundDraft("tcp");
  meshTimeout.translateOutbound?.(outbound(), draft);
  assert.deepEqual(draftJson(draft).tcp, { idleTimeout: "3600s" });
  assert.deepEqual(draftJson(draft).httpOptions, {});
});

test("no policy: inbounds cut nothing short", () => {
  const draft = inboundDraft("http");
  meshTimeout.translateInbound?.(inbound(), draft);
  const { cluster, httpOptions, hcm, route } = draftJson(draft);
  assert.deepEqual(cluster, { name: "c", connectTimeout: "10s" });
  assert.deepEqual(httpOptions, {
    commonHttpProtocolOptions: { idleTimeout: "7200s", maxConnectionDuration: "0s", maxStreamDuration: "0s" },
  });
  assert.deepEqual(route, { timeout: "0s", idleTimeout: "3600s" });
  assert.deepEqual(hcm, {
    commonHttpProtocolOptions: { idleTimeout: "0s" },
    streamIdleTimeout: "3600s",
    requestHeadersTimeout: "0s",
  });
  const tcp = inboundDraft("tcp");
  meshTimeout.translateInbound?.(inbound(), tcp);
  assert.deepEqual(draftJson(tcp).tcp, { idleTimeout: "7200s" });
});

test("every field has its place", () => {
  const out = outboundDraft();
  meshTimeout.translateOutbound?.(outbound(to(EVERYTHING)), out);
  const inn = inboundDraft();
  meshTimeout.translateInbound?.(inbound(policy({ rules: [{ default: EVERYTHING }] })), inn);
  for (const draft of [out, inn]) {
    const { cluster, httpOptions, route } = draftJson(draft);
    assert.deepEqual(cluster, { name: "c", connectTimeout: "1s" });
    assert.deepEqual(httpOptions, {
      commonHttpProtocolOptions: { idleTimeout: "2s", maxConnectionDuration: "6s", maxStreamDuration: "5s" },
    });
    assert.deepEqual(route, { timeout: "3s", idleTimeout: "4s" });
  }
  assert.deepEqual(draftJson(inn).hcm, {
    commonHttpProtocolOptions: { idleTimeout: "0s" },
    streamIdleTimeout: "4s",
    requestHeadersTimeout: "7s",
  });
});

test("zero switches a limit off, and what is not set falls back", () => {
  const draft = outboundDraft();
  meshTimeout.translateOutbound?.(outbound(to({ idleTimeout: "0s", http: { requestTimeout: "0s" } })), draft);
  const { cluster, httpOptions, route } = draftJson(draft);
  assert.deepEqual(cluster, { name: "c", connectTimeout: "5s" });
  assert.deepEqual(Reflect.get(httpOptions as object, "commonHttpProtocolOptions").idleTimeout, "0s");
  assert.deepEqual(route, { timeout: "0s", idleTimeout: "1800s" });
});

test("the service's entry goes over the mesh's, field by field, with origins", () => {
  const plan = outbound(
    policy(
      {
        to: [
          {
            targetRef: { kind: "MeshService", name: "backend" },
            default: { http: { requestTimeout: "1s" } },
          },
          { targetRef: MESH, default: { idleTimeout: "5m", http: { requestTimeout: "9s" } } },
        ],
      },
      "a",
    ),
  );
  assert.deepEqual(plan?.conf, { idleTimeout: "5m0s", http: { requestTimeout: "1s" } });
  assert.deepEqual(plan?.origins, {
    idleTimeout: { policy: "kri_mt_default___a_", rule: "to[1]" },
    "http.requestTimeout": { policy: "kri_mt_default___a_", rule: "to[0]" },
  });
  assert.equal([...meshTimeout.origins(plan ?? { conf: {}, origins: {} })].length, 2);
});

test("from and rules of several policies are one list; rules for some callers are no rules for all", () => {
  const plan = inbound(
    policy(
      { from: [{ targetRef: MESH, default: { idleTimeout: "1s", http: { requestTimeout: "1s" } } }] },
      "b",
    ),
    policy(
      {
        rules: [
          { default: { http: { requestTimeout: "2s" } } },
          {
            matches: [{ spiffeID: { type: "Exact", value: "spiffe://td/a" } }],
            default: { http: { requestTimeout: "3s" } },
          },
        ],
      },
      "a",
    ),
  );
  assert.deepEqual(plan?.conf, { idleTimeout: "1s", http: { requestTimeout: "2s" } });
});

test("only rules for some callers: the built-in limits stay for the rest", () => {
  const plan = inbound(
    policy({
      rules: [
        {
          matches: [{ spiffeID: { type: "Exact", value: "spiffe://td/a" } }],
          default: { http: { requestTimeout: "3s" } },
        },
      ],
    }),
  );
  const draft = inboundDraft();
  meshTimeout.translateInbound?.(plan, draft);
  assert.deepEqual(draftJson(draft).route, { timeout: "0s", idleTimeout: "3600s" });
});

test("by caller: two limits of a request, and for each caller what the rules of all its groups say", () => {
  const exact = { spiffeID: { type: "Exact" as const, value: "spiffe://td/ns/web" } };
  const prefix = { spiffeID: { type: "Prefix" as const, value: "spiffe://td/ns" } };
  const foreign = { sni: { type: "Exact" as const, value: "a.mesh" } };
  const plan = inbound(
    policy({
      rules: [
        { default: { idleTimeout: "1s", http: { requestTimeout: "1s" } } },
        { matches: [exact], default: { http: { requestTimeout: "2s" } } },
        { matches: [prefix], default: { http: { requestTimeout: "3s", streamIdleTimeout: "4s" } } },
      ],
    }),
  );
  assert.ok(plan !== undefined);
  assert.deepEqual(meshTimeout.callers?.(plan), [exact, prefix]);
  assert.deepEqual(plan.callers?.[0]?.conf, {
    idleTimeout: "1s",
    http: { requestTimeout: "2s", streamIdleTimeout: "4s" },
  });
  assert.equal([...meshTimeout.origins(plan)].length, 2 + 3 + 3);
  const draft = inboundDraft("http", [exact, prefix, foreign]);
  meshTimeout.translateInbound?.(plan, draft);
  assert.deepEqual(
    draft.routes.map(({ route }) => Reflect.get(json(RouteSchema, route) as object, "route")),
    [
      { timeout: "2s", idleTimeout: "4s" },
      { timeout: "3s", idleTimeout: "4s" },
      { timeout: "1s", idleTimeout: "3600s" },
      { timeout: "1s", idleTimeout: "3600s" },
    ],
  );
  assert.equal(draft.hcm?.streamIdleTimeout?.seconds, 3600n);
});
