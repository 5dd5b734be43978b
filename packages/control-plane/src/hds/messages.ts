import { fromBinary } from "@bufbuild/protobuf";
import type { Address } from "@skein/envoy-api/envoy/config/core/v3/address_pb";
import { HealthStatus } from "@skein/envoy-api/envoy/config/core/v3/health_check_pb";
import { EndpointHealthResponseSchema } from "@skein/envoy-api/envoy/service/health/v3/hds_pb";
import { type RequestNode, readNode } from "../xds/request.ts";
import { BYTES, MalformedMessage, WireReader } from "../xds/wire.ts";

/** What was found out, by cluster and address (`ip:port`, or the path of a socket). */
export type HealthReport = ReadonlyMap<string, ReadonlyMap<string, boolean>>;

/** A `HealthCheckRequestOrEndpointHealthResponse`: the one that begins a stream, or one of the reports that follow. */
export type HealthMessage =
  | { readonly kind: "request"; readonly node: RequestNode | undefined }
  | { readonly kind: "report"; readonly report: HealthReport };

const F1 = (1 << 3) | BYTES;
const F2 = (2 << 3) | BYTES;

/**
 * Decodes a message of a proxy. The node by hand, for the reason that `decodeDeltaRequest` gives.
 *
 * @throws MalformedMessage
 */
export function decodeHealthMessage(bytes: Uint8Array): HealthMessage {
  const reader = new WireReader(bytes);
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === F1) return { kind: "request", node: requestNode(reader.message()) };
    if (tag === F2) return { kind: "report", report: readReport(reader.bytes()) };
    reader.skip(tag);
  }
  // A report about nothing may come as a message without any field.
  return { kind: "report", report: new Map() };
}

function requestNode(reader: WireReader): RequestNode | undefined {
  for (let tag = reader.tag(); tag !== 0; tag = reader.tag()) {
    if (tag === F1) return readNode(reader.message());
    reader.skip(tag);
  }
  return undefined;
}

function readReport(bytes: Uint8Array): HealthReport {
  const report = new Map<string, Map<string, boolean>>();
  for (const { clusterName, localityEndpointsHealth } of decoded(bytes).clusterEndpointsHealth) {
    const found = new Map<string, boolean>();
    report.set(clusterName, found);
    for (const { endpoint, healthStatus } of localityEndpointsHealth.flatMap(
      (each) => each.endpointsHealth,
    )) {
      const address = addressText(endpoint?.address);
      if (address === undefined || healthStatus === HealthStatus.UNKNOWN) continue;
      found.set(address, healthStatus === HealthStatus.HEALTHY || healthStatus === HealthStatus.DEGRADED);
    }
  }
  return report;
}

function decoded(bytes: Uint8Array) {
  try {
    return fromBinary(EndpointHealthResponseSchema, bytes);
  } catch (error) {
    throw new MalformedMessage(error instanceof Error ? error.message : String(error));
  }
}

function addressText(address: Address | undefined): string | undefined {
  const kind = address?.address;
  if (kind?.case === "pipe") return kind.value.path;
  if (kind?.case !== "socketAddress") return undefined;
  const { address: host, portSpecifier } = kind.value;
  return portSpecifier.case === "portValue" ? endpointText(host, portSpecifier.value) : undefined;
}

/** Address and port as a key: IPv6 addresses have several spellings. */
export function endpointText(address: string, port: number): string {
  const host = address.includes(":") ? `[${address}]` : address;
  return URL.canParse(`http://${host}`) ? `${new URL(`http://${host}`).hostname}:${port}` : `${host}:${port}`;
}
