import assert from "node:assert/strict";
import { test } from "node:test";
import { ClusterSchema } from "@skein/envoy-api/envoy/config/cluster/v3/cluster_pb";
import type { Protocol } from "../plan/destination-plan.ts";
import { draftJson, inboundDraft, json } from "../testing/drafts.ts";
import { PROTOCOLS, valid } from "../testing/resources.ts";
import { meshGlobalRateLimit } from "./policy.ts";

const WEB = { kind: "Dataplane", labels: { app: "web" } };
const policy = (conf: object, name = "p", targetRef: object = { kind: "Mesh" }) =>
  valid(
    meshGlobalRateLimit.kind,
    { targetRef, from: [{ targetRef: { kind: "Mesh" }, default: conf }] },
    { name },
  );
const backend = (url = "http://limits.example:10003", rest: object = {}) => ({
  backend: { rateLimitService: { url, ...rest } },
});
const rate = (num: number, interval: string) => ({ http: { requestRate: { num, interval } } });

function translated(policies: readonly ReturnType<typeof policy>[], protocol: Protocol = "http") {
  const draft = inboundDraft(protocol);
  const plan = meshGlobalRateLimit.planInbound?.({
    ...{ policies, mesh: "air", service: "web", protocol, callers: "identity" },
  });
  meshGlobalRateLimit.translateInbound?.(plan, draft);
  const { hcm, route } = draftJson(draft) as {
    hcm?: { httpFilters?: readonly { name: string; typedConfig: Readonly<Record<string, unknown>> }[] };
    route?: { rateLimits?: readonly unknown[] };
  };
  return { plan, draft, filters: hcm?.httpFilters ?? [], limits: route?.rateLimits ?? [] };
}

const filterOf = (conf: object) => {
  const { filters } = translated([policy({ ...backend(), ...rate(1, "1s"), ...conf })]);
  assert.equal(filters.length, 1);
  return filters[0]?.typedConfig ?? {};
};

test("parts come from different policies, each with its origin", () => {
  const { plan } = translated([
    policy(rate(9, "1h0m0s"), "web", WEB),
    policy({ ...backend(), ...rate(1, "1s"), mode: "Shadow" }, "all"),
  ]);
  assert.deepEqual(plan?.conf, { ...backend(), ...rate(9, "1h0m0s"), mode: "Shadow" });
  const [all, web] = ["all", "web"].map((name) => ({
    policy: `kri_mgrl_default___${name}_`,
    rule: "from[0]",
  }));
  assert.deepEqual(plan?.origins, {
    "backend.rateLimitService.url": all,
    mode: all,
    "http.requestRate.num": web,
    "http.requestRate.interval": web,
  });
});

test("what is not said: 25 ms for the service, its own status, and requests that are refused", () => {
  assert.deepEqual(filterOf({}), {
    "@type": "type.googleapis.com/envoy.extensions.filters.http.ratelimit.v3.RateLimit",
    domain: "air",
    timeout: "0.025s",
    rateLimitService: {
      grpcService: { envoyGrpc: { clusterName: "rate-limit-service:limits.example:10003" } },
      transportApiVersion: "V3",
    },
  });
});

test("each field of the answer to a request over the limit, and of how the service is asked", () => {
  const asked = filterOf({ ...backend(undefined, { timeout: "1s" }), mode: "Shadow" });
  assert.equal(asked.timeout, "1s");
  assert.deepEqual(asked.filterEnforced, { defaultValue: {} }, "nobody of a hundred");
  const refusing = filterOf({
    http: {
      ...rate(1, "1s").http,
      onRateLimit: {
        status: 503,
        headers: { set: [{ name: "x-set", value: "a" }], add: [{ name: "x-add", value: "b" }] },
      },
    },
    mode: "Limit",
  });
  assert.deepEqual(refusing.rateLimitedStatus, { code: "ServiceUnavailable" });
  assert.deepEqual(refusing.responseHeadersToAdd, [
    { header: { key: "x-add", value: "b" } },
    { header: { key: "x-set", value: "a" }, appendAction: "OVERWRITE_IF_EXISTS_OR_ADD" },
  ]);
  assert.equal(refusing.filterEnforced, undefined);
});

const windows: readonly [interval: string, unit: string][] = [
  ["1s", "SECOND"],
  ["1m", "MINUTE"],
  ["60s", "MINUTE"],
  ["1h", "HOUR"],
  ["24h", "DAY"],
];

for (const [interval, unit] of windows) {
  test(`the limit travels with the question: 7 in ${interval} is 7 a ${unit}`, () => {
    assert.deepEqual(translated([policy({ ...backend(), ...rate(7, interval) })]).limits, [
      {
        actions: [{ genericKey: { descriptorKey: "kuma.io/service", descriptorValue: "web" } }],
        limit: { rateLimit: { requestsPerUnit: 7, unit } },
      },
    ]);
  });
}

test("a rate without a service, and a service without a rate, limit nothing", () => {
  const alone = translated([policy(rate(7, "1s"))]);
  assert.deepEqual([alone.filters.length, alone.limits.length, alone.draft.services.size], [0, 0, 0]);
  const unused = translated([policy(backend())]);
  assert.deepEqual([unused.filters.length, unused.limits.length], [1, 0]);
  assert.deepEqual(translated([]).filters, []);
});

test("requests are counted on every protocol that has them", () => {
  for (const protocol of PROTOCOLS) {
    const { filters, limits, draft } = translated([policy({ ...backend(), ...rate(7, "1s") })], protocol);
    const expected = protocol === "tcp" ? 0 : 1;
    assert.deepEqual(
      [filters.length, limits.length, draft.services.size],
      [expected, expected, expected],
      protocol,
    );
  }
});

test("the service is asked at an address as it is, and by a name that is looked up", () => {
  const clusterOf = (url: string) => {
    const [service] = translated([policy({ ...backend(url), ...rate(1, "1s") })]).draft.services.values();
    assert.equal(service?.askedBy, "MeshGlobalRateLimit");
    const { name, type, loadAssignment } = json(ClusterSchema, service?.cluster ?? assert.fail()) as {
      readonly [key in "name" | "type"]?: string;
    } & { readonly loadAssignment: unknown };
    return [name, type, /"socketAddress":(\{.*?\})/.exec(JSON.stringify(loadAssignment))?.[1]];
  };
  assert.deepEqual(clusterOf("http://192.0.2.1:10003"), [
    "rate-limit-service:192.0.2.1:10003",
    "STATIC",
    '{"address":"192.0.2.1","portValue":10003}',
  ]);
  assert.deepEqual(clusterOf("http://[2001:db8::1]:9"), [
    "rate-limit-service:2001:db8::1:9",
    "STATIC",
    '{"address":"2001:db8::1","portValue":9}',
  ]);
  assert.deepEqual(clusterOf("http://limits.example"), [
    "rate-limit-service:limits.example:80",
    "STRICT_DNS",
    '{"address":"limits.example","portValue":80}',
  ]);
});
