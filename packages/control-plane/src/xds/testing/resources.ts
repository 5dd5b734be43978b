import { create, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { Cluster_DiscoveryType, ClusterSchema } from "@skein/envoy-api/envoy/config/cluster/v3/cluster_pb";
import { ApiVersion } from "@skein/envoy-api/envoy/config/core/v3/config_source_pb";
import { ClusterLoadAssignmentSchema } from "@skein/envoy-api/envoy/config/endpoint/v3/endpoint_pb";
import { ListenerSchema } from "@skein/envoy-api/envoy/config/listener/v3/listener_pb";
import { RouteConfigurationSchema } from "@skein/envoy-api/envoy/config/route/v3/route_pb";
import { RouterSchema } from "@skein/envoy-api/envoy/extensions/filters/http/router/v3/router_pb";
import {
  HttpConnectionManagerSchema,
  HttpFilterSchema,
} from "@skein/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb";
import { TcpProxySchema } from "@skein/envoy-api/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb";
import { SecretSchema } from "@skein/envoy-api/envoy/extensions/transport_sockets/tls/v3/secret_pb";
import {
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
} from "@skein/envoy-api/envoy/extensions/transport_sockets/tls/v3/tls_pb";
import type { Fragment, ProxyConfig } from "../fragment.ts";
import type { FragmentTable } from "../fragment-table.ts";

const ads = {
  configSourceSpecifier: { case: "ads", value: {} },
  resourceApiVersion: ApiVersion.V3,
} as const;

const absentType = "type.googleapis.com/envoy.extensions.absent.v3.Absent";

/** What a test may vary about a cluster. */
export interface TestCluster {
  readonly timeoutSeconds?: number;
  readonly serviceName?: string;
  readonly secret?: string;
  readonly kind?: "eds" | "static";
  /** A transport socket type that Envoy does not have: the cluster is rejected by name. */
  readonly badSocket?: boolean;
}

/** An encoded cluster; by default EDS over ADS. */
export function clusterFragment(table: FragmentTable, name: string, options: TestCluster = {}): Fragment {
  const eds = options.kind !== "static";
  const message = create(ClusterSchema, {
    name,
    clusterDiscoveryType: {
      case: "type",
      value: eds ? Cluster_DiscoveryType.EDS : Cluster_DiscoveryType.STATIC,
    },
    ...(eds ? { edsClusterConfig: { edsConfig: ads, serviceName: options.serviceName ?? "" } } : {}),
    connectTimeout: { seconds: BigInt(options.timeoutSeconds ?? 5), nanos: 0 },
    ...(options.badSocket === true
      ? {
          transportSocket: {
            name: "absent",
            configType: {
              case: "typedConfig",
              value: { ...anyPack(ClusterSchema, create(ClusterSchema, {})), typeUrl: absentType },
            },
          },
        }
      : {}),
    ...(options.secret === undefined
      ? {}
      : {
          transportSocket: {
            name: "tls",
            configType: {
              case: "typedConfig",
              value: anyPack(
                UpstreamTlsContextSchema,
                create(UpstreamTlsContextSchema, {
                  commonTlsContext: {
                    tlsCertificateSdsSecretConfigs: [{ name: options.secret, sdsConfig: ads }],
                  },
                }),
              ),
            },
          },
        }),
  });
  return table.intern("cluster", name, toBinary(ClusterSchema, message), [`kri_test_${name}`]);
}

/** An encoded endpoint assignment with one endpoint per port on 127.0.0.1. */
export function endpointFragment(table: FragmentTable, name: string, ports: readonly number[]): Fragment {
  const message = create(ClusterLoadAssignmentSchema, {
    clusterName: name,
    endpoints: [
      {
        lbEndpoints: ports.map((port) => ({
          hostIdentifier: {
            case: "endpoint" as const,
            value: {
              address: {
                address: {
                  case: "socketAddress" as const,
                  value: { address: "127.0.0.1", portSpecifier: { case: "portValue" as const, value: port } },
                },
              },
            },
          },
        })),
      },
    ],
  });
  return table.intern("endpoint", name, toBinary(ClusterLoadAssignmentSchema, message));
}

/** What a test may vary about a listener. */
export interface TestListener {
  readonly port: number;
  readonly address?: string;
  readonly cluster: string;
  readonly secret?: string;
  readonly statPrefix?: string;
  /** It hands what it accepts over to listeners at the addresses that were called. */
  readonly handsOver?: boolean;
  /** A filter type that Envoy does not have: the listener is rejected by name. */
  readonly unknownFilter?: boolean;
  /** An empty `stat_prefix`: the listener breaks a validation rule of its filter. */
  readonly noStatPrefix?: boolean;
  /** A filter without a name: the listener breaks a validation rule of its own. */
  readonly namelessFilter?: boolean;
}

/** An encoded listener with a TCP proxy to one cluster. */
export function listenerFragment(table: FragmentTable, name: string, options: TestListener): Fragment {
  const proxy = anyPack(
    TcpProxySchema,
    create(TcpProxySchema, {
      statPrefix: options.noStatPrefix === true ? "" : (options.statPrefix ?? "test"),
      clusterSpecifier: { case: "cluster", value: options.cluster },
    }),
  );
  const filter = options.unknownFilter === true ? { ...proxy, typeUrl: absentType } : proxy;
  const message = create(ListenerSchema, {
    name,
    ...(options.handsOver === undefined ? {} : { useOriginalDst: options.handsOver }),
    address: {
      address: {
        case: "socketAddress",
        value: {
          address: options.address ?? "127.0.0.1",
          portSpecifier: { case: "portValue", value: options.port },
        },
      },
    },
    filterChains: [
      {
        filters: [
          {
            name: options.namelessFilter === true ? "" : "tcp",
            configType: { case: "typedConfig", value: filter },
          },
        ],
        ...(options.secret === undefined
          ? {}
          : {
              transportSocket: {
                name: "tls",
                configType: {
                  case: "typedConfig",
                  value: anyPack(
                    DownstreamTlsContextSchema,
                    create(DownstreamTlsContextSchema, {
                      commonTlsContext: {
                        tlsCertificateSdsSecretConfigs: [{ name: options.secret, sdsConfig: ads }],
                      },
                    }),
                  ),
                },
              },
            }),
      },
    ],
  });
  return table.intern("listener", name, toBinary(ListenerSchema, message), [`kri_test_${name}`]);
}

/** An encoded listener whose HTTP routes come over RDS. */
export function httpListenerFragment(
  table: FragmentTable,
  name: string,
  options: { readonly port: number; readonly route: string; readonly statPrefix?: string },
): Fragment {
  const router = create(HttpFilterSchema, {
    name: "router",
    configType: { case: "typedConfig", value: anyPack(RouterSchema, create(RouterSchema, {})) },
  });
  const manager = create(HttpConnectionManagerSchema, {
    statPrefix: options.statPrefix ?? "test",
    httpFilters: [router],
    routeSpecifier: { case: "rds", value: { routeConfigName: options.route, configSource: ads } },
  });
  const message = create(ListenerSchema, {
    name,
    address: {
      address: {
        case: "socketAddress",
        value: { address: "127.0.0.1", portSpecifier: { case: "portValue", value: options.port } },
      },
    },
    filterChains: [
      {
        filters: [
          {
            name: "http",
            configType: { case: "typedConfig", value: anyPack(HttpConnectionManagerSchema, manager) },
          },
        ],
      },
    ],
  });
  return table.intern("listener", name, toBinary(ListenerSchema, message));
}

/** An encoded route configuration that sends everything to one cluster, which must exist. */
export function routeFragment(table: FragmentTable, name: string, cluster: string): Fragment {
  const message = create(RouteConfigurationSchema, {
    name,
    validateClusters: true,
    virtualHosts: [
      {
        name: "all",
        domains: ["*"],
        routes: [
          {
            match: { pathSpecifier: { case: "prefix", value: "/" } },
            action: { case: "route", value: { clusterSpecifier: { case: "cluster", value: cluster } } },
          },
        ],
      },
    ],
  });
  return table.intern("route", name, toBinary(RouteConfigurationSchema, message), [`kri_test_${name}`]);
}

/** An encoded TLS certificate secret. */
export function secretFragment(
  table: FragmentTable,
  name: string,
  certPem: string,
  keyPem: string,
): Fragment {
  const message = create(SecretSchema, {
    name,
    type: {
      case: "tlsCertificate",
      value: {
        certificateChain: { specifier: { case: "inlineString", value: certPem } },
        privateKey: { specifier: { case: "inlineString", value: keyPem } },
      },
    },
  });
  return table.intern("secret", name, toBinary(SecretSchema, message));
}

/** A config that holds exactly these fragments. */
export function configOf(...fragments: readonly Fragment[]): ProxyConfig {
  const of = (type: Fragment["type"]): ReadonlyMap<string, Fragment> =>
    new Map(
      fragments.filter((fragment) => fragment.type === type).map((fragment) => [fragment.name, fragment]),
    );
  return {
    clusters: of("cluster"),
    endpoints: of("endpoint"),
    listeners: of("listener"),
    routes: of("route"),
    secrets: of("secret"),
    missing: [],
  };
}
