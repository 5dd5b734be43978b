import { create } from "@bufbuild/protobuf";
import { packAny } from "@skein/envoy-api";
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
import {
  type ListenerFilter,
  ListenerFilterSchema,
} from "@skein/envoy-api/envoy/config/listener/v3/listener_components_pb";
import { OriginalDstSchema } from "@skein/envoy-api/envoy/extensions/filters/listener/original_dst/v3/original_dst_pb";
import { duration } from "./envoy-values.ts";
import { altStatName } from "./network-filter.ts";

/** Envoy would stop at 1,024 connections, which applications without a proxy do not. */
const UNLIMITED = 0xffffffff;

/** A cluster that connects to where a connection was going before it was redirected to the proxy. */
export function originalDestinationCluster(name: string): Cluster {
  return create(ClusterSchema, {
    name,
    altStatName: altStatName(name),
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

/** Name of the filter below. */
export const ORIGINAL_DST_FILTER = "envoy.filters.listener.original_dst";

/**
 * Finds out where a connection was going. `use_original_dst` adds this filter too, but as the last: filters that depend
 * on the port come after this one, or they see the listener's own.
 */
export function originalDestinationFilter(): ListenerFilter {
  return create(ListenerFilterSchema, {
    name: ORIGINAL_DST_FILTER,
    configType: { case: "typedConfig", value: packAny(OriginalDstSchema, create(OriginalDstSchema)) },
  });
}
