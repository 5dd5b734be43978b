import { stringify } from "yaml";

/** One service of the mesh that a dataplane calls, at a port of its own address. */
export interface Outbound {
  readonly service: string;
  readonly port: number;
  /** Port of the MeshService; default 8080. */
  readonly servicePort?: number;
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
      outbound: spec.outbounds.map((outbound) => ({
        address: spec.address,
        port: outbound.port,
        backendRef: { kind: "MeshService", name: outbound.service, port: outbound.servicePort ?? 8080 },
      })),
    },
  });
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
