import assert from "node:assert/strict";
import { test } from "node:test";
import { RouteSchema } from "@skein/envoy-api/envoy/config/route/v3/route_components_pb";
import type { RouteIdentity } from "../definition.ts";
import type { Protocol } from "../plan/destination-plan.ts";
import { draftJson, json, outboundDraft } from "../testing/drafts.ts";
import { destination, valid } from "../testing/resources.ts";
import { meshLoadBalancingStrategy } from "./policy.ts";

type Json = Readonly<Record<string, unknown>>;

const ROUTE: RouteIdentity = {
  kind: "MeshHTTPRoute",
  kri: "kri_mhttpr_default_east__r_",
  name: "r",
  labels: {},
};
const whole = (conf: unknown) => ({ targetRef: { kind: "Mesh" }, default: conf });
const service = (conf: unknown) => ({ targetRef: { kind: "MeshService", name: "backend" }, default: conf });
const route = (conf: unknown) => ({ targetRef: { kind: "MeshHTTPRoute", name: "r" }, default: conf });

/** The draft of an outbound after these `to` entries, with a route of `r` before the one for all other requests. */
function draftFor(protocol: Protocol, ...entries: object[]) {
  const policy = valid(meshLoadBalancingStrategy.kind, { to: entries });
  const draft = outboundDraft(protocol);
  for (const { route } of [...draft.routes]) {
    draft.routes.unshift({
      policy: ROUTE.kri,
      route: { ...route, action: outboundDraft(protocol).routes[0]?.route.action ?? { case: undefined } },
    });
  }
  const plan = meshLoadBalancingStrategy.planOutbound?.({
    policies: [policy],
    destination: destination({ protocol }),
    routes: [ROUTE],
  });
  meshLoadBalancingStrategy.translateOutbound?.(plan, draft);
  return draft;
}
const cluster = (conf: unknown): Json => draftJson(draftFor("http", whole(conf))).cluster as Json;
const balancer = (loadBalancer: object): Json => {
  const { name: _, ...rest } = cluster({ loadBalancer });
  return rest;
};
const hashes = (...entries: object[]): readonly unknown[] =>
  draftFor("http", ...entries).routes.map(
    (each) => (json(RouteSchema, each.route) as { readonly route: Json }).route.hashPolicy,
  );

test("no policy: Envoy's own algorithm", () => {
  const draft = outboundDraft();
  meshLoadBalancingStrategy.translateOutbound?.(undefined, draft);
  assert.deepEqual(draftJson(draft).cluster, { name: "c" });
});

const algorithms: readonly [given: object, expected: object][] = [
  // Envoy's own, which its JSON leaves out.
  [{ type: "RoundRobin" }, {}],
  [{ type: "Random", maglev: { tableSize: 7 } }, { lbPolicy: "RANDOM" }],
  [{ type: "LeastRequest" }, { lbPolicy: "LEAST_REQUEST" }],
  [
    { type: "LeastRequest", leastRequest: { choiceCount: 3, activeRequestBias: "1.5" } },
    {
      lbPolicy: "LEAST_REQUEST",
      leastRequestLbConfig: {
        choiceCount: 3,
        activeRequestBias: {
          defaultValue: 1.5,
          runtimeKey: "upstream.least_request.active_request_bias",
        },
      },
    },
  ],
  [{ type: "RingHash" }, { lbPolicy: "RING_HASH" }],
  [
    { type: "RingHash", ringHash: { hashFunction: "MurmurHash2", minRingSize: 5, maxRingSize: 10 } },
    {
      lbPolicy: "RING_HASH",
      ringHashLbConfig: { hashFunction: "MURMUR_HASH_2", minimumRingSize: "5", maximumRingSize: "10" },
    },
  ],
  [
    // Envoy's least size is 1024.
    { type: "RingHash", ringHash: { maxRingSize: 10 } },
    { lbPolicy: "RING_HASH", ringHashLbConfig: { minimumRingSize: "10", maximumRingSize: "10" } },
  ],
  [
    { type: "RingHash", ringHash: { maxRingSize: 2000 } },
    { lbPolicy: "RING_HASH", ringHashLbConfig: { maximumRingSize: "2000" } },
  ],
  [{ type: "Maglev" }, { lbPolicy: "MAGLEV" }],
  [
    { type: "Maglev", maglev: { tableSize: 7 } },
    { lbPolicy: "MAGLEV", maglevLbConfig: { tableSize: "7" } },
  ],
];
for (const [given, expected] of algorithms) {
  test(`algorithm ${JSON.stringify(given)}`, () => assert.deepEqual(balancer(given), expected));
}

test("affinity tags make localities count", () => {
  const local = (localZone: object) => cluster({ localityAwareness: { localZone } }).commonLbConfig;
  assert.deepEqual(local({ affinityTags: [{ key: "rack" }] }), { localityWeightedLbConfig: {} });
  assert.equal(local({ affinityTags: [] }), undefined);
  assert.equal(local({}), undefined);
});

const HEADER = { type: "Header", header: { name: "x-user" }, terminal: true };
const COOKIE = { type: "Cookie", cookie: { name: "c", ttl: "0s", path: "/app" } };
const QUERY = { type: "QueryParameter", queryParameter: { name: "q" } };

test("every kind of hash policy", () => {
  const [, list] = hashes(
    whole({
      hashPolicies: [
        HEADER,
        COOKIE,
        { type: "Connection", connection: { sourceIP: true } },
        { type: "SourceIP", connection: {} },
        QUERY,
        { type: "FilterState", filterState: { key: "k" } },
      ],
    }),
  );
  assert.deepEqual(list, [
    { header: { headerName: "x-user" }, terminal: true },
    { cookie: { name: "c", ttl: "0s", path: "/app" } },
    { connectionProperties: { sourceIp: true } },
    { connectionProperties: { sourceIp: true } },
    { queryParameter: { name: "q" } },
    { filterState: { key: "k" } },
  ]);
});

test("the list beside the algorithm replaces the one inside it, whoever wrote it", () => {
  const inside = { loadBalancer: { type: "RingHash", ringHash: { hashPolicies: [QUERY] } } };
  const [, older] = hashes(whole(inside));
  assert.deepEqual(older, [{ queryParameter: { name: "q" } }]);
  const [, newer] = hashes(whole({ hashPolicies: [HEADER] }), service(inside));
  assert.deepEqual(newer, [{ header: { headerName: "x-user" }, terminal: true }]);
  const [, other] = hashes(whole({ loadBalancer: { type: "Maglev", ringHash: { hashPolicies: [QUERY] } } }));
  assert.equal(other, undefined);
});

test("a route has its own list, which stands on what is said of the mesh and not of the service", () => {
  const [own, rest] = hashes(
    whole({ hashPolicies: [QUERY] }),
    service({ hashPolicies: [HEADER] }),
    route({ hashPolicies: [{ type: "Cookie", cookie: { name: "c" } }] }),
  );
  assert.deepEqual(own, [{ cookie: { name: "c" } }]);
  assert.deepEqual(rest, [{ header: { headerName: "x-user" }, terminal: true }]);
  const [inherited] = hashes(
    whole({ hashPolicies: [QUERY] }),
    service({ hashPolicies: [HEADER] }),
    route({}),
  );
  assert.deepEqual(inherited, [{ queryParameter: { name: "q" } }]);
});

test("connections are told apart by what a connection has", () => {
  const tcp = (...hashPolicies: object[]) => draftJson(draftFor("tcp", whole({ hashPolicies }))).tcp;
  assert.deepEqual(tcp(HEADER, { type: "Connection", connection: { sourceIP: true } }), {
    hashPolicy: [{ sourceIp: {} }],
  });
  assert.deepEqual(
    tcp({ type: "FilterState", filterState: { key: "k" } }, { type: "SourceIP", connection: {} }),
    { hashPolicy: [{ filterState: { key: "k" } }] },
  );
  assert.deepEqual(tcp(HEADER, { type: "Connection", connection: {} }), {});
});
