import assert from "node:assert/strict";
import { test } from "node:test";
import { HttpConnectionManagerSchema } from "@skein/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb";
import { TcpProxySchema } from "@skein/envoy-api/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb";
import type { PolicyDefinition } from "../definition.ts";
import { draftJson, json, outboundDraft } from "../testing/drafts.ts";
import { atGateway, gatewayInput } from "../testing/gateway.ts";
import { destination, valid } from "../testing/resources.ts";
import { meshTimeout } from "./policy.ts";

const GATEWAYS = { kind: "Mesh", proxyTypes: ["Gateway"] };
const EDGE = { kind: "MeshGateway", name: "edge" };
const policy = (name: string, spec: unknown) => valid(meshTimeout.kind, spec, { name });
const rules = (name: string, conf: unknown, targetRef: unknown = EDGE) =>
  policy(name, { targetRef, rules: [{ default: conf }] });
const translated = (isHttp: boolean, ...policies: ReturnType<typeof policy>[]) => {
  const { chain } = atGateway(meshTimeout as PolicyDefinition, policies, { isHttp });
  return chain.hcm === undefined
    ? chain.tcp && json(TcpProxySchema, chain.tcp)
    : json(HttpConnectionManagerSchema, chain.hcm);
};

test("no policy: strangers are waited for a short time", () => {
  assert.deepEqual(translated(true), {
    commonHttpProtocolOptions: { idleTimeout: "300s" },
    requestHeadersTimeout: "0.500s",
    streamIdleTimeout: "5s",
  });
  assert.deepEqual(translated(false), { idleTimeout: "300s" });
});

test("rules set every limit between the gateway and its clients", () => {
  const all = { requestTimeout: "3s", streamIdleTimeout: "4s", requestHeadersTimeout: "7s" };
  assert.deepEqual(translated(true, rules("a", { idleTimeout: "2s", http: all })), {
    commonHttpProtocolOptions: { idleTimeout: "2s" },
    requestHeadersTimeout: "7s",
    streamIdleTimeout: "4s",
    requestTimeout: "3s",
  });
  assert.deepEqual(translated(false, rules("a", { idleTimeout: "2s" })), { idleTimeout: "2s" });
});

test("the gateway by name wins over all gateways, field by field, and from is as good as rules", () => {
  const all = policy("all", {
    targetRef: GATEWAYS,
    from: [
      { targetRef: { kind: "Mesh" }, default: { idleTimeout: "9m", http: { streamIdleTimeout: "9s" } } },
    ],
  });
  const plan = meshTimeout.planGateway?.(gatewayInput([rules("own", { idleTimeout: "1m" }), all]));
  assert.deepEqual(plan?.conf, { idleTimeout: "1m0s", http: { streamIdleTimeout: "9s" } });
  assert.equal(plan?.origins.idleTimeout?.policy, "kri_mt_default___own_");
  assert.deepEqual(plan?.origins["http.streamIdleTimeout"], {
    policy: "kri_mt_default___all_",
    rule: "from[0]",
  });
});

test("rules for some callers and to lists say nothing of clients", () => {
  const some = policy("some", {
    targetRef: GATEWAYS,
    rules: [
      {
        matches: [{ spiffeID: { type: "Exact", value: "spiffe://td/a" } }],
        default: { http: { requestTimeout: "1s" } },
      },
    ],
  });
  const to = policy("to", {
    targetRef: EDGE,
    to: [{ targetRef: { kind: "Mesh" }, default: { idleTimeout: "1s" } }],
  });
  assert.equal(meshTimeout.planGateway?.(gatewayInput([some, to])), undefined);
});

test("calls of a gateway lie idle for a shorter time than those of an application", () => {
  const translate = (conf: unknown) => {
    const to = policy("to", { targetRef: EDGE, to: [{ targetRef: { kind: "Mesh" }, default: conf }] });
    const draft = { ...outboundDraft("http"), fromGateway: true };
    const input = { policies: [to], destination: destination(), routes: [] };
    meshTimeout.translateOutbound?.(meshTimeout.planOutbound?.(input), draft);
    return draftJson(draft).route;
  };
  assert.deepEqual(translate({ idleTimeout: "1s" }), { timeout: "15s", idleTimeout: "5s" });
  assert.deepEqual(translate({ http: { requestTimeout: "1s", streamIdleTimeout: "2s" } }), {
    timeout: "1s",
    idleTimeout: "2s",
  });
});
