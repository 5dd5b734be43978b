import { stringify } from "yaml";

/** One service that a dataplane calls, at a port of its own address. */
export interface Outbound {
  /** Default MeshService. */
  readonly kind?: "MeshService" | "MeshExternalService" | "MeshMultiZoneService";
  readonly service: string;
  readonly port: number;
  /** Default: the sidecar's address. */
  readonly address?: string;
  /** Port of the service; default 8080, and the only one of a MeshExternalService. */
  readonly servicePort?: number;
  /** By the tag `kuma.io/service`, as in meshes that may have no MeshServices. */
  readonly byTag?: boolean;
}

export interface DataplaneSpec {
  readonly mesh: string;
  readonly name: string;
  /** Value of the tag `kuma.io/service`, from which a MeshService is made. */
  readonly service: string;
  /** Where the sidecar listens; others reach the service here. */
  readonly address: string;
  /** Where the app listens. */
  readonly appAddress: string;
  readonly port: number;
  readonly protocol: "http" | "http2" | "grpc" | "tcp";
  readonly labels: Readonly<Record<string, string>>;
  readonly outbounds: readonly Outbound[];
  /** `networking.transparentProxying`. */
  readonly transparentProxying?: object | undefined;
  /** It is the proxy of a gateway: it only calls. */
  readonly gateway?: true | undefined;
  /** How the sidecar finds out whether the app takes connections; absent where it does not. */
  readonly serviceProbe?: object | undefined;
}

/** The Dataplane document, Universal form. */
export function dataplaneYaml(spec: DataplaneSpec): string {
  return stringify({
    type: "Dataplane",
    mesh: spec.mesh,
    name: spec.name,
    labels: spec.labels,
    networking: {
      address: spec.address,
      ...(spec.gateway === true
        ? { gateway: { type: "DELEGATED", tags: { "kuma.io/service": spec.service } } }
        : { inbound: [inbound(spec)] }),
      ...(spec.transparentProxying === undefined ? {} : { transparentProxying: spec.transparentProxying }),
      outbound: spec.outbounds.map((outbound) => ({
        address: outbound.address ?? spec.address,
        port: outbound.port,
        ...(outbound.byTag === true
          ? { tags: { "kuma.io/service": outbound.service } }
          : { backendRef: backendRef(outbound) }),
      })),
    },
  });
}

/** Where a zone egress of a world listens. */
export const EGRESS_PORT = 10_002;

/** The Dataplane document of a proxy by which others leave the mesh. */
export function egressYaml({
  mesh,
  name,
  address,
  labels,
}: Pick<DataplaneSpec, "mesh" | "name" | "address" | "labels">): string {
  const listeners = [{ type: "ZoneEgress", port: EGRESS_PORT }];
  return stringify({ type: "Dataplane", mesh, name, labels, networking: { address, listeners } });
}

/** The Dataplane document of a built-in gateway, whose service is its name. */
export function gatewayYaml({
  mesh,
  name,
  address,
  labels,
}: Pick<DataplaneSpec, "mesh" | "name" | "address" | "labels">): string {
  const gateway = { type: "BUILTIN", tags: { "kuma.io/service": name } };
  return stringify({ type: "Dataplane", mesh, name, labels, networking: { address, gateway } });
}

function backendRef({ kind = "MeshService", service, servicePort }: Outbound): object {
  if (kind === "MeshExternalService") return { kind, name: service };
  return { kind, name: service, port: servicePort ?? 8080 };
}

function inbound(spec: DataplaneSpec): object {
  return {
    port: spec.port,
    serviceAddress: spec.appAddress,
    servicePort: spec.port,
    protocol: spec.protocol,
    tags: { "kuma.io/service": spec.service },
    ...(spec.serviceProbe === undefined ? {} : { serviceProbe: spec.serviceProbe }),
  };
}
