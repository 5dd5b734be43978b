import { create } from "@bufbuild/protobuf";
import { LocalitySchema, MetadataSchema } from "@skein/envoy-api/envoy/config/core/v3/base_pb";
import {
  EndpointSchema,
  type LbEndpoint,
  LbEndpointSchema,
  LocalityLbEndpointsSchema,
} from "@skein/envoy-api/envoy/config/endpoint/v3/endpoint_components_pb";
import {
  type ClusterLoadAssignment,
  ClusterLoadAssignmentSchema,
  ClusterLoadAssignment_PolicySchema as PolicySchema,
} from "@skein/envoy-api/envoy/config/endpoint/v3/endpoint_pb";
import { SERVICE_TAG } from "@skein/model";
import type { EndpointPlan, EndpointsPlan } from "@skein/policies";
import { socketAddress } from "./values.ts";

/** The instances of a destination, as the cluster of that name sees them. */
export function loadAssignment(clusterName: string, plan: EndpointsPlan): ClusterLoadAssignment {
  const { localities, overprovisioningFactor } = plan;
  return create(ClusterLoadAssignmentSchema, {
    clusterName,
    endpoints: localities.map(({ zone, subZone, weight, priority, endpoints }) =>
      create(LocalityLbEndpointsSchema, {
        locality: create(LocalitySchema, { zone, subZone: subZone ?? "" }),
        ...(weight === undefined ? {} : { loadBalancingWeight: weight }),
        priority,
        lbEndpoints: endpoints.map(lbEndpoint),
      }),
    ),
    ...(overprovisioningFactor === undefined
      ? {}
      : { policy: create(PolicySchema, { overprovisioningFactor }) }),
  });
}

function lbEndpoint(endpoint: EndpointPlan): LbEndpoint {
  const { [SERVICE_TAG]: _, ...tags } = endpoint.tags;
  const filterMetadata: Record<string, Record<string, string>> = {};
  if (Object.keys(tags).length > 0) {
    filterMetadata["envoy.lb"] = tags;
    filterMetadata["envoy.transport_socket_match"] = tags;
  }
  if (Object.keys(endpoint.labels).length > 0) filterMetadata["io.kuma.labels"] = { ...endpoint.labels };
  return create(LbEndpointSchema, {
    hostIdentifier: {
      case: "endpoint",
      value: create(EndpointSchema, { address: socketAddress(endpoint.address, endpoint.port) }),
    },
    loadBalancingWeight: 1,
    metadata: create(MetadataSchema, { filterMetadata }),
  });
}
