/** Application protocols that change how traffic is handled; all others are plain bytes. */
export type Protocol = "tcp" | "http" | "http2" | "grpc";

/**
 * A destination among those of its mesh. `<MeshService>|<port number>`, `extsvc <MeshExternalService>|<port number>`,
 * `mzsvc <MeshMultiZoneService>|<port number>`, or `tag <service>|0`; names are those the resources are stored under.
 */
export type DestinationKey = `${string}|${number}`;

/** One port of one destination: the same object for every caller. */
export interface DestinationPlan {
  /** `ServiceTag` stands for all inbounds with a `kuma.io/service` tag, in meshes that have no MeshServices. */
  readonly kind: "MeshService" | "MeshMultiZoneService" | "MeshExternalService" | "ServiceTag";
  readonly mesh: string;
  readonly name: string;
  /** KRI with the port as section; the name of the service for a service tag, which has no KRI. */
  readonly kri: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly port: number;
  readonly portName: string;
  readonly protocol: Protocol;
  readonly sni: string;
  readonly serverIds: readonly string[];
  /** Name of the cluster where KRI names are not in use. */
  readonly legacyName: string;
  readonly routeName: string;
}
