import assert from "node:assert/strict";
import { test } from "node:test";
import { create, fromBinary, fromJson, toBinary, toJson } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { ClusterSchema } from "@skein/envoy-api/envoy/config/cluster/v3/cluster_pb";
import { ClusterLoadAssignmentSchema } from "@skein/envoy-api/envoy/config/endpoint/v3/endpoint_pb";
import { ListenerSchema } from "@skein/envoy-api/envoy/config/listener/v3/listener_pb";
import { RouteConfigurationSchema } from "@skein/envoy-api/envoy/config/route/v3/route_pb";
import { RouterSchema } from "@skein/envoy-api/envoy/extensions/filters/http/router/v3/router_pb";
import {
  HttpConnectionManager_CodecType,
  HttpConnectionManagerSchema,
} from "@skein/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb";
import { SecretSchema } from "@skein/envoy-api/envoy/extensions/transport_sockets/tls/v3/secret_pb";
import { RuntimeSchema } from "@skein/envoy-api/envoy/service/runtime/v3/rtds_pb";
import { packAny, TYPE_URL } from "./index.ts";
import { envoyRegistry } from "./registry.ts";

const manager = create(HttpConnectionManagerSchema, {
  codecType: HttpConnectionManager_CodecType.HTTP2,
  statPrefix: "inbound",
  routeSpecifier: {
    case: "routeConfig",
    value: {
      name: "inbound",
      virtualHosts: [
        {
          name: "all",
          domains: ["*"],
          routes: [
            {
              match: { pathSpecifier: { case: "prefix", value: "/" } },
              action: {
                case: "route",
                value: {
                  clusterSpecifier: { case: "cluster", value: "local" },
                  timeout: { seconds: 15n },
                },
              },
            },
          ],
        },
      ],
    },
  },
  httpFilters: [
    {
      name: "envoy.filters.http.router",
      configType: { case: "typedConfig", value: packAny(RouterSchema, create(RouterSchema)) },
    },
  ],
});

const listener = create(ListenerSchema, {
  name: "inbound",
  address: {
    address: {
      case: "socketAddress",
      value: { address: "127.0.0.1", portSpecifier: { case: "portValue", value: 8080 } },
    },
  },
  filterChains: [
    {
      filters: [
        {
          name: "envoy.filters.network.http_connection_manager",
          configType: { case: "typedConfig", value: packAny(HttpConnectionManagerSchema, manager) },
        },
      ],
    },
  ],
});

test("an Any inside a listener survives the wire", () => {
  const decoded = fromBinary(ListenerSchema, toBinary(ListenerSchema, listener));
  const config = decoded.filterChains[0]?.filters[0]?.configType;
  assert.equal(config?.case, "typedConfig");
  assert.ok(config.value);
  assert.equal(
    config.value.typeUrl,
    "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
  );
  const unpacked = anyUnpack(config.value, HttpConnectionManagerSchema);
  assert.deepEqual(unpacked, manager);
});

test("the registry prints and reads nested Any messages as JSON", () => {
  const json = toJson(ListenerSchema, listener, { registry: envoyRegistry });
  assert.deepEqual(json, {
    name: "inbound",
    address: { socketAddress: { address: "127.0.0.1", portValue: 8080 } },
    filterChains: [
      {
        filters: [
          {
            name: "envoy.filters.network.http_connection_manager",
            typedConfig: {
              "@type":
                "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
              codecType: "HTTP2",
              statPrefix: "inbound",
              routeConfig: {
                name: "inbound",
                virtualHosts: [
                  {
                    name: "all",
                    domains: ["*"],
                    routes: [{ match: { prefix: "/" }, route: { cluster: "local", timeout: "15s" } }],
                  },
                ],
              },
              httpFilters: [
                {
                  name: "envoy.filters.http.router",
                  typedConfig: {
                    "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
                  },
                },
              ],
            },
          },
        ],
      },
    ],
  });
  const read = fromJson(ListenerSchema, json, { registry: envoyRegistry });
  assert.deepEqual(toBinary(ListenerSchema, read), toBinary(ListenerSchema, listener));
});

test("each type URL names its message", () => {
  const schemas = {
    cluster: ClusterSchema,
    endpoint: ClusterLoadAssignmentSchema,
    listener: ListenerSchema,
    route: RouteConfigurationSchema,
    secret: SecretSchema,
    runtime: RuntimeSchema,
  };
  for (const [key, schema] of Object.entries(schemas)) {
    assert.equal(TYPE_URL[key as keyof typeof TYPE_URL], `type.googleapis.com/${schema.typeName}`);
    assert.ok(envoyRegistry.getMessage(schema.typeName));
  }
});

test("the fields that came with Envoy 1.40 are there", () => {
  const cluster = fromJson(ClusterSchema, {
    name: "a",
    healthChecks: [{ timeout: "1s", interval: "5s", httpHealthCheck: { path: "/", useAlpnProtocol: true } }],
    queuingPolicies: {},
  });
  assert.ok(cluster.queuingPolicies);
  const checker = cluster.healthChecks[0]?.healthChecker;
  assert.equal(checker?.case, "httpHealthCheck");
  assert.equal(checker.value.useAlpnProtocol, true);
  assert.equal(create(HttpConnectionManagerSchema).recordRouteResolutionStats, false);
});

test("the registry also knows messages that have no generated code", () => {
  const buffer = envoyRegistry.getMessage("envoy.extensions.filters.http.buffer.v3.Buffer");
  assert.ok(buffer);
  const read = fromJson(buffer, { maxRequestBytes: 1024 }, { registry: envoyRegistry });
  assert.deepEqual(toJson(buffer, read, { registry: envoyRegistry }), { maxRequestBytes: 1024 });
});
