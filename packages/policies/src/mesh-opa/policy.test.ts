import assert from "node:assert/strict";
import { test } from "node:test";
import { ClusterSchema } from "@skein/envoy-api/envoy/config/cluster/v3/cluster_pb";
import type { Protocol } from "../plan/destination-plan.ts";
import { draftJson, inboundDraft, json } from "../testing/drafts.ts";
import { PROTOCOLS, valid } from "../testing/resources.ts";
import { meshOpa } from "./policy.ts";

const RULES = { rego: { inlineString: "package a" } };
const MORE = { rego: { secret: "more" } };
const policy = (conf: object, name = "p", spec: object = {}) =>
  valid(meshOpa.kind, { ...spec, default: conf }, { name });
const WEB = { targetRef: { kind: "Dataplane", labels: { app: "web" } } };

const planned = (
  policies: readonly ReturnType<typeof policy>[],
  { protocol = "http" as Protocol, extAuthzAddress = undefined as string | undefined } = {},
) =>
  meshOpa.planInbound?.({
    policies,
    mesh: "default",
    service: "web",
    protocol,
    callers: "identity",
    extAuthzAddress,
  });

const translated = (conf: object, extAuthzAddress?: string) => {
  const draft = inboundDraft();
  meshOpa.translateInbound?.(planned([policy(conf)], { extAuthzAddress }), draft);
  const { httpFilters } = draftJson(draft).hcm as { httpFilters?: { name: string; typedConfig: object }[] };
  return { draft, filters: httpFilters ?? [] };
};
const filterOf = (authConfig: object, extAuthzAddress?: string) => {
  const { filters } = translated({ appendPolicies: [RULES], authConfig }, extAuthzAddress);
  assert.deepEqual(
    filters.map(({ name }) => name),
    ["envoy.filters.http.ext_authz"],
  );
  return filters[0]?.typedConfig;
};

test("rules of all policies count together, those of the widest first", () => {
  const plan = planned([
    policy({ appendPolicies: [MORE], authConfig: { statusOnError: 503 } }, "web", WEB),
    policy({ appendPolicies: [RULES], authConfig: { statusOnError: 401, onAgentFailure: "Allow" } }, "all"),
  ]);
  assert.deepEqual(plan?.conf, {
    appendPolicies: [RULES, MORE],
    authConfig: { statusOnError: 503, onAgentFailure: "Allow" },
  });
  assert.deepEqual(plan?.origins, {
    "appendPolicies[0]": { policy: "kri_mopa_default___all_", rule: "default" },
    "appendPolicies[1]": { policy: "kri_mopa_default___web_", rule: "default" },
    "authConfig.statusOnError": { policy: "kri_mopa_default___web_", rule: "default" },
    "authConfig.onAgentFailure": { policy: "kri_mopa_default___all_", rule: "default" },
  });
});

test("the agent has one configuration, whether a text or a Secret", () => {
  const plan = planned([
    policy({ agentConfig: { secret: "mine" } }, "web", WEB),
    policy({ agentConfig: { inlineString: "{}" }, appendPolicies: [RULES] }, "all"),
  ]);
  assert.deepEqual(plan?.conf, { agentConfig: { secret: "mine" }, appendPolicies: [RULES] });
  assert.deepEqual(plan?.origins.agentConfig, undefined);
  assert.deepEqual(plan?.origins["agentConfig.secret"]?.policy, "kri_mopa_default___web_");
});

test("settings alone ask nobody", () => {
  const settings = policy({ authConfig: { statusOnError: 503 } });
  assert.equal(planned([settings]), undefined);
  assert.equal(meshOpa.planProxy?.({ policies: [settings], mesh: "default" }), undefined);
  assert.equal(planned([]), undefined);
});

test("only HTTP is asked about", () => {
  for (const protocol of PROTOCOLS) {
    const plan = planned([policy({ appendPolicies: [RULES] })], { protocol });
    assert.equal(plan === undefined, protocol === "tcp", protocol);
  }
});

test("the agent of a proxy is told the same as its inbounds", () => {
  const policies = [policy({ appendPolicies: [RULES] })];
  const { agent, ...rest } = planned(policies) ?? assert.fail();
  assert.equal(agent, "localhost:9191");
  assert.deepEqual(meshOpa.planProxy?.({ policies, mesh: "default" }), rest);
});

test("what is not said: 403 when the agent does not answer, and no body", () => {
  assert.deepEqual(filterOf({}), {
    "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
    grpcService: { envoyGrpc: { clusterName: "opa-agent:localhost:9191" }, timeout: "5s" },
    statusOnError: { code: "Forbidden" },
    transportApiVersion: "V3",
  });
});

test("all of how the agent is asked", () => {
  assert.deepEqual(
    filterOf(
      { statusOnError: 503, onAgentFailure: "Allow", requestBody: { maxSize: 10, sendRawBody: true } },
      "[::1]:9000",
    ),
    {
      "@type": "type.googleapis.com/envoy.extensions.filters.http.ext_authz.v3.ExtAuthz",
      grpcService: { envoyGrpc: { clusterName: "opa-agent:[::1]:9000" }, timeout: "5s" },
      failureModeAllow: true,
      statusOnError: { code: "ServiceUnavailable" },
      withRequestBody: { maxRequestBytes: 10, allowPartialMessage: true, packAsBytes: true },
      transportApiVersion: "V3",
    },
  );
  assert.equal(
    Reflect.get(filterOf({ requestBody: { maxSize: 0, sendRawBody: true } }) ?? {}, "withRequestBody"),
    undefined,
  );
});

test("the agent is at its own address, and localhost is not looked up", () => {
  const addressOf = (agent: string | undefined) => {
    const { draft } = translated({ appendPolicies: [RULES] }, agent);
    const [service] = draft.services.values();
    const { type, loadAssignment } = json(ClusterSchema, service?.cluster ?? assert.fail()) as {
      readonly type?: string;
      readonly loadAssignment: unknown;
    };
    return [type, /"socketAddress":(\{.*?\})/.exec(JSON.stringify(loadAssignment))?.[1]];
  };
  assert.deepEqual(addressOf(undefined), ["STATIC", '{"address":"127.0.0.1","portValue":9191}']);
  assert.deepEqual(addressOf("[::1]:9000"), ["STATIC", '{"address":"::1","portValue":9000}']);
  assert.deepEqual(addressOf("opa.example:80"), ["STRICT_DNS", '{"address":"opa.example","portValue":80}']);
});
