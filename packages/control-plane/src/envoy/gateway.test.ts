import assert from "node:assert/strict";
import { test } from "node:test";
import { AIRLINE, policy, worldOf } from "../explain/testing/airline.ts";
import { fragmentJson } from "../pipeline/config-dump.ts";
import { PEM } from "../pipeline/testing/certificates.ts";

const document = (type: string, name: string, fields: object) =>
  `\n---\n${JSON.stringify({ type, mesh: "default", name, ...fields })}\n`;
const EDGE = document("Dataplane", "edge-1", {
  labels: { app: "edge", "kuma.io/workload": "edge" },
  networking: {
    address: "127.0.1.9",
    gateway: { type: "BUILTIN", tags: { "kuma.io/service": "edge" } },
  },
});
const gateway = (...listeners: readonly object[]) =>
  document("MeshGateway", "g", {
    selectors: [{ match: { "kuma.io/service": "edge" } }],
    conf: { listeners },
  });
const route = (backendRefs: readonly object[], filters: readonly object[] = []) =>
  policy("MeshHTTPRoute", "r", {
    targetRef: { kind: "MeshGateway", name: "g" },
    to: [
      {
        targetRef: { kind: "Mesh" },
        rules: [
          { matches: [{ path: { type: "PathPrefix", value: "/" } }], default: { filters, backendRefs } },
        ],
      },
    ],
  });
const inside = { kind: "MeshService", name: "check-in", port: 8080 };
const outside = { kind: "MeshExternalService", name: "pay" };
const PAY = policy("MeshExternalService", "pay", {
  match: { type: "HostnameGenerator", port: 80, protocol: "http" },
  endpoints: [{ address: "pay.example", port: 80 }],
});
/** Callers are told apart by their tags, so they have to send them. */
const BY_TAGS = policy("MeshFaultInjection", "by-tags", {
  targetRef: { kind: "Mesh", proxyTypes: ["Sidecar"] },
  from: [
    {
      targetRef: { kind: "MeshSubset", tags: { "kuma.io/service": "edge" } },
      default: { http: [{ abort: { httpStatus: 503, percentage: 1 } }] },
    },
  ],
});

/** What stands at a path in printed configuration. */
function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    (inner, key) => (Array.isArray(inner) ? inner.at(Number(key)) : Reflect.get(Object(inner), key)),
    value,
  );
}

function list(value: unknown, ...path: readonly (string | number)[]): readonly unknown[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? found : [];
}

function configOf(yaml: string) {
  const config = worldOf(AIRLINE + EDGE + yaml)
    .world.mesh("default")
    .config.at("edge-1")
    .get();
  assert.ok(config !== undefined);
  return {
    listeners: Array.from(config.listeners.values(), fragmentJson),
    routes: Array.from(config.routes.values(), fragmentJson),
  };
}

const HTTP = { port: 80, protocol: "HTTP" };
const ROUTE = ["virtualHosts", 0, "routes", 0, "route"];

test("the gateway's tags go with requests inside the mesh, and nobody outside sets or gets them", () => {
  const base = gateway(HTTP) + PAY;
  const header = ["requestHeadersToAdd", 0, "header", "key"];
  const plain = configOf(base + route([inside])).routes;
  assert.deepEqual(at(plain, 0, "internalOnlyHeaders"), ["x-kuma-tags"]);
  assert.equal(at(plain, 0, "virtualHosts", 0, ...header), undefined);
  const tagged = configOf(base + route([inside]) + BY_TAGS).routes;
  assert.equal(at(tagged, 0, "virtualHosts", 0, ...header), "x-kuma-tags");
  const split = configOf(base + route([inside, outside]) + BY_TAGS).routes;
  assert.equal(at(split, 0, "virtualHosts", 0, ...header), undefined);
  const told = list(split, 0, ...ROUTE, "weightedClusters", "clusters").map((each) => [
    String(at(each, "name")).includes("check-in"),
    at(each, ...header),
  ]);
  assert.deepEqual(told, [
    [true, "x-kuma-tags"],
    [false, undefined],
  ]);
  assert.equal(at(split, 0, ...ROUTE, "autoHostRewrite"), true, "outside it has another name");
});

test("nobody out there is one of us, and hosts are looked up without their port", () => {
  const { listeners, routes } = configOf(gateway(HTTP) + route([inside]));
  const hcm = at(listeners, 0, "filterChains", 0, "filters", -1, "typedConfig");
  assert.deepEqual(at(hcm, "internalAddressConfig"), {});
  assert.equal(at(hcm, "useRemoteAddress"), true);
  assert.equal(at(hcm, "commonHttpProtocolOptions", "headersWithUnderscoresAction"), "REJECT_REQUEST");
  assert.equal(at(routes, 0, "ignorePortInHostMatching"), true);
  assert.equal(at(listeners, 0, "listenerFilters"), undefined, "there is no TLS to look into");
});

test("a host of another server name is misdirected", () => {
  const tls = { mode: "TERMINATE", certificates: [{ inlineString: PEM["leaf-pair.pem"] }] };
  const https = (hostname: string) => ({ port: 443, protocol: "HTTPS", hostname, tls });
  const { routes, listeners } = configOf(gateway(https("*.a.test"), https("b.a.test")) + route([inside]));
  const hostsOf = (name: string) =>
    list(
      routes.find((each) => at(each, "name") === `g:HTTPS:443:${name}`),
      "virtualHosts",
    ).map((each) => [at(each, "domains", 0), at(each, "routes", 0, "directResponse", "status") ?? "sent on"]);
  assert.deepEqual(hostsOf("*.a.test"), [
    ["*.a.test", "sent on"],
    ["b.a.test", 421],
  ]);
  assert.deepEqual(hostsOf("b.a.test"), [
    ["b.a.test", "sent on"],
    ["*.a.test", 421],
  ]);
  assert.deepEqual(
    list(listeners, 0, "filterChains").map((each) => at(each, "filterChainMatch", "serverNames")),
    [["b.a.test"], ["*.a.test"]],
  );
});

test("a limit of connections comes before everything else, on each chain", () => {
  const filters = [0, "filterChains", 0, "filters"];
  const limited = (connectionLimit: number) =>
    list(
      configOf(gateway({ ...HTTP, resources: { connectionLimit } }) + route([inside])).listeners,
      ...filters,
    );
  assert.equal(at(limited(7), 0, "name"), "envoy.filters.network.connection_limit");
  assert.equal(at(limited(7), 0, "typedConfig", "maxConnections"), "7");
  assert.equal(limited(0).length, 1);
});
