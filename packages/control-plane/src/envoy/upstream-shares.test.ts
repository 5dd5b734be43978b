import assert from "node:assert/strict";
import { test } from "node:test";
import { fromBinary, toJson } from "@bufbuild/protobuf";
import { ClusterSchema } from "@skein/envoy-api/envoy/config/cluster/v3/cluster_pb";
import { ListenerSchema } from "@skein/envoy-api/envoy/config/listener/v3/listener_pb";
import { RouteConfigurationSchema } from "@skein/envoy-api/envoy/config/route/v3/route_pb";
import { envoyRegistry } from "@skein/envoy-api/registry";
import { type PolicyResource, policies, type UpstreamPlan } from "@skein/policies";
import { goldenWays } from "../pipeline/testing/golden.ts";
import { stored } from "../pipeline/testing/resources.ts";
import { joined } from "../xds/joined.ts";
import { UpstreamShares } from "./upstream-shares.ts";

/* What definitions say of themselves, held against every way to a destination of the golden cases. */

const upstreams = goldenWays();

function partsOf(shares: UpstreamShares, plan: UpstreamPlan) {
  const { cluster, routes, network } = shares.translate(plan);
  const options = { registry: envoyRegistry };
  return {
    cluster: toJson(ClusterSchema, fromBinary(ClusterSchema, joined(cluster)), options),
    route:
      routes &&
      toJson(RouteConfigurationSchema, fromBinary(RouteConfigurationSchema, joined(routes)), options),
    listener: toJson(ListenerSchema, fromBinary(ListenerSchema, network.encoded()), options),
  };
}

/** A way that says nothing of others. */
function whole({ core: _, said: __, ...plan }: UpstreamPlan): UpstreamPlan {
  return plan;
}

test("the cases have ways on which policies meet", () => {
  const most = Math.max(...upstreams.map(({ upstream }) => Object.keys(upstream.policies).length));
  assert.ok(upstreams.length > 60 && most >= 4, `${upstreams.length} ways, up to ${most} policies on one`);
  const cores = new Set(upstreams.flatMap(({ upstream: { core } }) => (core === undefined ? [] : [core])));
  assert.ok(cores.size > 20, `${cores.size} ways without policies that stand alone`);
});

test("a policy that stands alone says by itself what it says among others", () => {
  const apart = new UpstreamShares(policies);
  const together = new UpstreamShares(policies.map((each) => ({ ...each, standsAlone: false })));
  for (const { name, upstream } of upstreams)
    assert.deepEqual(partsOf(apart, upstream), partsOf(together, whole(upstream)), name);
});

test("what a policy says of the routes of another one is not taken for what it says of all", () => {
  let compared = 0;
  for (const { name, upstream } of upstreams) {
    const { MeshHTTPRoute, ...others } = upstream.policies;
    const isByRoute = (entry: unknown) => Object.hasOwn((entry ?? {}) as object, "routes");
    if (MeshHTTPRoute === undefined || !Object.values(others).some(isByRoute)) continue;
    compared++;
    const full = whole(upstream);
    const { routes, ...rest } = MeshHTTPRoute as { readonly routes: readonly object[] };
    // The same routes, of no policy.
    const anonymous = { ...rest, routes: routes.map((each) => ({ ...each, policy: undefined })) };
    const plain = { ...full, policies: { ...others, MeshHTTPRoute: anonymous } };
    for (const order of [
      [plain, full],
      [full, plain],
    ]) {
      const shares = new UpstreamShares(policies);
      for (const each of order)
        assert.deepEqual(partsOf(shares, each), partsOf(new UpstreamShares(policies), each), name);
    }
  }
  assert.ok(compared > 0, "no way with a policy about a route");
});

test("a policy leaves alone what it says that it does not shape", () => {
  const shares = new UpstreamShares(policies);
  let compared = 0;
  for (const { name, upstream: way } of upstreams) {
    const upstream = whole(way);
    for (const { kind, shapes } of policies) {
      const { [kind.type]: entry, ...others } = upstream.policies;
      if (entry === undefined || shapes === undefined) continue;
      const [full, without] = [upstream, { ...upstream, policies: others }].map((each) =>
        partsOf(new UpstreamShares(policies), each),
      );
      for (const part of ["cluster", "listener", "route"] as const) {
        if (shapes.includes(part)) continue;
        compared++;
        assert.deepEqual(without?.[part], full?.[part], `${kind.type} changes a ${part} of ${name}`);
      }
      // One translator for all must not mix them up either.
      assert.deepEqual(partsOf(shares, upstream), full, name);
    }
  }
  assert.ok(compared > 30, `${compared} comparisons`);
});

test("what a policy that stands alone says of the whole mesh is the same for every destination", () => {
  const destinations = new Set(upstreams.map(({ upstream }) => upstream.destination));
  const kinds = new Set([...destinations].map(({ kind, protocol }) => `${kind} ${protocol}`));
  assert.ok(kinds.size > 4, `only ${[...kinds]}`);
  const confs: Readonly<Record<string, object>> = {
    MeshTimeout: { connectionTimeout: "3s", http: { requestTimeout: "7s" } },
    MeshRetry: { tcp: { maxConnectAttempt: 2 }, http: { numRetries: 3 }, grpc: { numRetries: 4 } },
  };
  for (const definition of policies.filter(({ standsAlone }) => standsAlone === true)) {
    const { type } = definition.kind;
    const spec = {
      to: [{ targetRef: { kind: "Mesh" }, default: confs[type] ?? assert.fail(`a conf for ${type}`) }],
    };
    const policy = stored({ type, mesh: "default", name: "all", spec }, 1) as PolicyResource;
    const said = [...destinations].map((destination) =>
      definition.planOutbound?.({ policies: [policy], destination, routes: [] }),
    );
    assert.ok(said[0] !== undefined, type);
    for (const each of said) assert.deepEqual(each, said[0], type);
  }
});
