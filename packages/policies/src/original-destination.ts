import { create } from "@bufbuild/protobuf";
import {
  CircuitBreakersSchema,
  CircuitBreakers_ThresholdsSchema as ThresholdsSchema,
} from "@skein/envoy-api/envoy/config/cluster/v3/circuit_breaker_pb";
import {
  type Cluster,
  ClusterSchema,
  Cluster_DiscoveryType as DiscoveryType,
  Cluster_LbPolicy as LbPolicy,
} from "@skein/envoy-api/envoy/config/cluster/v3/cluster_pb";
import { duration } from "./envoy-values.ts";

/** Envoy would stop at 1,024 connections, which applications without a proxy do not. */
const UNLIMITED = 0xffffffff;

/** A cluster that connects to where a connection was going before it was redirected to the proxy. */
export function originalDestinationCluster(name: string): Cluster {
  const sanitised = name.replaceAll(/[:.]/g, "_");
  return create(ClusterSchema, {
    name,
    altStatName: sanitised === name ? "" : sanitised,
    clusterDiscoveryType: { case: "type", value: DiscoveryType.ORIGINAL_DST },
    lbPolicy: LbPolicy.CLUSTER_PROVIDED,
    connectTimeout: duration("10s"),
    circuitBreakers: create(CircuitBreakersSchema, {
      thresholds: [
        create(ThresholdsSchema, {
          maxConnections: UNLIMITED,
          maxPendingRequests: UNLIMITED,
          maxRequests: UNLIMITED,
        }),
      ],
    }),
  });
}
