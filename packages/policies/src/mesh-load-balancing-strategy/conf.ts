/** `default` of a MeshLoadBalancingStrategy. */
export interface MeshLoadBalancingStrategyConf {
  readonly localityAwareness?: LocalityAwareness | undefined;
  readonly loadBalancer?: LoadBalancer | undefined;
  readonly hashPolicies?: readonly HashPolicyConf[] | undefined;
}

export interface LocalityAwareness {
  readonly disabled?: boolean | undefined;
  readonly localZone?: { readonly affinityTags?: readonly AffinityTag[] | undefined } | undefined;
  readonly crossZone?: CrossZone | undefined;
}

export interface AffinityTag {
  readonly key: string;
  readonly weight?: number | undefined;
}

export interface CrossZone {
  readonly failover?: readonly Failover[] | undefined;
  readonly failoverThreshold?: { readonly percentage: number | string } | undefined;
}

export interface Failover {
  readonly from?: { readonly zones: readonly string[] } | undefined;
  readonly to: {
    readonly type: "None" | "Only" | "Any" | "AnyExcept";
    readonly zones?: readonly string[] | undefined;
  };
}

export interface LoadBalancer {
  readonly type: "RoundRobin" | "LeastRequest" | "RingHash" | "Random" | "Maglev";
  readonly leastRequest?:
    | {
        readonly choiceCount?: number | undefined;
        readonly activeRequestBias?: number | string | undefined;
      }
    | undefined;
  readonly ringHash?: RingHash | undefined;
  readonly maglev?:
    | {
        readonly tableSize?: number | undefined;
        readonly hashPolicies?: readonly HashPolicyConf[] | undefined;
      }
    | undefined;
}

export interface RingHash {
  readonly hashFunction?: "XXHash" | "MurmurHash2" | undefined;
  readonly minRingSize?: number | undefined;
  readonly maxRingSize?: number | undefined;
  readonly hashPolicies?: readonly HashPolicyConf[] | undefined;
}

/** The part that goes with the type is there: validation sees to it. */
export interface HashPolicyConf {
  readonly type: "Header" | "Cookie" | "Connection" | "SourceIP" | "QueryParameter" | "FilterState";
  readonly terminal?: boolean | undefined;
  readonly header?: { readonly name: string } | undefined;
  readonly cookie?:
    | { readonly name: string; readonly ttl?: string | undefined; readonly path?: string | undefined }
    | undefined;
  readonly connection?: { readonly sourceIP?: boolean | undefined } | undefined;
  readonly queryParameter?: { readonly name: string } | undefined;
  readonly filterState?: { readonly key: string } | undefined;
}
