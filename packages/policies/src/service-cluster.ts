import { create } from "@bufbuild/protobuf";
import { packAny } from "@skein/envoy-api";
import {
  type Cluster,
  Cluster_DiscoveryType,
  ClusterSchema,
} from "@skein/envoy-api/envoy/config/cluster/v3/cluster_pb";
import { AddressSchema, SocketAddressSchema } from "@skein/envoy-api/envoy/config/core/v3/address_pb";
import { Http2ProtocolOptionsSchema } from "@skein/envoy-api/envoy/config/core/v3/protocol_pb";
import {
  EndpointSchema,
  LbEndpointSchema,
  LocalityLbEndpointsSchema,
} from "@skein/envoy-api/envoy/config/endpoint/v3/endpoint_components_pb";
import { ClusterLoadAssignmentSchema } from "@skein/envoy-api/envoy/config/endpoint/v3/endpoint_pb";
import {
  HttpProtocolOptions_ExplicitHttpConfigSchema as ExplicitSchema,
  HttpProtocolOptionsSchema,
} from "@skein/envoy-api/envoy/extensions/upstreams/http/v3/http_protocol_options_pb";
import { isIp } from "@skein/model";
import { duration } from "./envoy-values.ts";
import { statName } from "./network-filter.ts";

/** The cluster of a gRPC service outside of the mesh that filters ask, at a host name or an address. */
export function serviceCluster(name: string, host: string, port: number): Cluster {
  return create(ClusterSchema, {
    name,
    altStatName: statName(name),
    clusterDiscoveryType: {
      case: "type",
      value: isIp(host) ? Cluster_DiscoveryType.STATIC : Cluster_DiscoveryType.STRICT_DNS,
    },
    connectTimeout: duration("5s"),
    loadAssignment: create(ClusterLoadAssignmentSchema, {
      clusterName: name,
      endpoints: [
        create(LocalityLbEndpointsSchema, {
          lbEndpoints: [
            create(LbEndpointSchema, {
              hostIdentifier: {
                case: "endpoint",
                value: create(EndpointSchema, {
                  address: create(AddressSchema, {
                    address: {
                      case: "socketAddress",
                      value: create(SocketAddressSchema, {
                        address: host,
                        portSpecifier: { case: "portValue", value: port },
                      }),
                    },
                  }),
                }),
              },
            }),
          ],
        }),
      ],
    }),
    typedExtensionProtocolOptions: {
      "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": packAny(
        HttpProtocolOptionsSchema,
        create(HttpProtocolOptionsSchema, {
          upstreamProtocolOptions: {
            case: "explicitHttpConfig",
            value: create(ExplicitSchema, {
              protocolConfig: { case: "http2ProtocolOptions", value: create(Http2ProtocolOptionsSchema) },
            }),
          },
        }),
      ),
    },
  });
}
