import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { HealthStatus } from "@skein/envoy-api/envoy/config/core/v3/health_check_pb";
import {
  type HealthCheckSpecifier,
  HealthCheckSpecifierSchema,
  HealthCheckRequestOrEndpointHealthResponseSchema as MessageSchema,
} from "@skein/envoy-api/envoy/service/health/v3/hds_pb";
import { socketAddress } from "../../envoy/values.ts";

/** The message that begins a stream. */
export function healthRequest(id: string, metadata: Record<string, string> = {}): Uint8Array {
  return toBinary(
    MessageSchema,
    create(MessageSchema, {
      requestType: { case: "healthCheckRequest", value: { node: { id, metadata } } },
    }),
  );
}

/** A report, by cluster: address, port and status. */
export function healthReport(found: Record<string, readonly [string, number, HealthStatus]>): Uint8Array {
  return toBinary(
    MessageSchema,
    create(MessageSchema, {
      requestType: {
        case: "endpointHealthResponse",
        value: {
          clusterEndpointsHealth: Object.entries(found).map(
            ([clusterName, [address, port, healthStatus]]) => ({
              clusterName,
              localityEndpointsHealth: [
                { endpointsHealth: [{ endpoint: { address: socketAddress(address, port) }, healthStatus }] },
              ],
            }),
          ),
        },
      },
    }),
  );
}

/** What a server sent. */
export function specifierOf(bytes: Uint8Array): HealthCheckSpecifier {
  return fromBinary(HealthCheckSpecifierSchema, bytes);
}

export { HealthStatus };
