import { stringify } from "yaml";

/** One service that a dataplane calls, at a port of its own address. */
export interface Outbound {
  /** Default MeshService. */
  readonly kind?: "MeshService" | "MeshExternalService" | "MeshMultiZoneService";
  readonly service: string;
  readonly port: number;
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
      inbound: [
        {
          port: spec.port,
          serviceAddress: spec.appAddress,
          servicePort: spec.port,
          protocol: spec.protocol,
          tags: { "kuma.io/service": spec.service },
        },
      ],
      ...(spec.transparentProxying === undefined ? {} : { transparentProxying: spec.transparentProxying }),
      outbound: spec.outbounds.map((outbound) => ({
        address: spec.address,
        port: outbound.port,
        ...(outbound.byTag === true
          ? { tags: { "kuma.io/service": outbound.service } }
          : { backendRef: backendRef(outbound) }),
      })),
    },
  });
}

function backendRef({ kind = "MeshService", service, servicePort }: Outbound): object {
  if (kind === "MeshExternalService") return { kind, name: service };
  return { kind, name: service, port: servicePort ?? 8080 };
}
