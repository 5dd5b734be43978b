import { stringify } from "yaml";

const ROUTER = {
  name: "envoy.filters.http.router",
  typed_config: { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
};
const HTTP2 = {
  "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
    "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
    explicitHttpConfig: { http2ProtocolOptions: {} },
  },
};

/** A bootstrap that takes its listeners and clusters from files, so that a test decides when they arrive. */
export function fileBootstrap(inputs: {
  readonly workDir: string;
  readonly lds: string;
  readonly cds: string;
}): string {
  return stringify({
    node: { id: "default.orders-1", cluster: "orders" },
    admin: { address: { pipe: { path: `${inputs.workDir}/kuma-envoy-admin.sock`, mode: 384 } } },
    dynamicResources: {
      ldsConfig: {
        pathConfigSource: { path: inputs.lds },
        initialFetchTimeout: "0s",
        resourceApiVersion: "V3",
      },
      cdsConfig: {
        pathConfigSource: { path: inputs.cds },
        initialFetchTimeout: "0s",
        resourceApiVersion: "V3",
      },
    },
  });
}

/** A bootstrap as a control plane generates it: configuration over ADS, the token in the initial metadata. */
export function adsBootstrap(inputs: {
  readonly workDir: string;
  readonly xdsPort: number;
  readonly token: string;
}): string {
  const ads = { ads: {}, initialFetchTimeout: "0s", resourceApiVersion: "V3" };
  return stringify({
    node: { id: "default.orders-1", cluster: "orders" },
    admin: { address: { pipe: { path: `${inputs.workDir}/kuma-envoy-admin.sock`, mode: 384 } } },
    dynamicResources: {
      ldsConfig: ads,
      cdsConfig: ads,
      adsConfig: {
        apiType: "DELTA_GRPC",
        transportApiVersion: "V3",
        setNodeOnFirstMessageOnly: true,
        grpcServices: [
          {
            envoyGrpc: {
              clusterName: "ads_cluster",
              retryPolicy: { retryBackOff: { baseInterval: "0.05s", maxInterval: "0.1s" } },
            },
            initialMetadata: [{ key: "authorization", value: inputs.token }],
          },
        ],
      },
    },
    staticResources: {
      clusters: [
        {
          name: "ads_cluster",
          type: "STATIC",
          connectTimeout: "1s",
          typedExtensionProtocolOptions: HTTP2,
          loadAssignment: loadAssignment("ads_cluster", inputs.xdsPort),
        },
      ],
    },
  });
}

/** An LDS file with one inbound HTTP listener that sends everything to the app. */
export function inboundListenerFile(port: number): string {
  return stringify({
    version_info: "1",
    resources: [
      {
        "@type": "type.googleapis.com/envoy.config.listener.v3.Listener",
        name: "self_inbound_dp_main",
        traffic_direction: "INBOUND",
        address: { socket_address: { address: "127.0.0.1", port_value: port } },
        filter_chains: [
          {
            filters: [
              {
                name: "envoy.filters.network.http_connection_manager",
                typed_config: {
                  "@type":
                    "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                  stat_prefix: "self_inbound_dp_main",
                  route_config: {
                    // Two files are read in any order, where a control plane sends clusters first.
                    validate_clusters: false,
                    virtual_hosts: [
                      {
                        name: "app",
                        domains: ["*"],
                        routes: [{ match: { prefix: "/" }, route: { cluster: "app" } }],
                      },
                    ],
                  },
                  http_filters: [ROUTER],
                },
              },
            ],
          },
        ],
      },
    ],
  });
}

/** A CDS file with the app's cluster. */
export function appClusterFile(port: number): string {
  return stringify({
    version_info: "1",
    resources: [
      {
        "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
        name: "app",
        type: "STATIC",
        connect_timeout: "1s",
        load_assignment: loadAssignment("app", port),
      },
    ],
  });
}

function loadAssignment(cluster: string, port: number): unknown {
  const address = { socketAddress: { address: "127.0.0.1", portValue: port } };
  return { clusterName: cluster, endpoints: [{ lbEndpoints: [{ endpoint: { address } }] }] };
}
