import type { DataplaneResource, LabelContext } from "@skein/model";
import type { VipPools } from "./vip-pools.ts";

/** What the derivation of MeshServices and Workloads depends on besides the store. */
export interface NamingSettings {
  /** Zone, mode and environment: they become labels. Only a universal zone generates. */
  readonly context: LabelContext;
  /** `meshService.deletionGracePeriod`: how long a generated service outlives its last dataplane. */
  readonly deletionGracePeriodMs: number;
  /** `experimental.inboundTagsDisabled`: services are those that the label `kuma.io/workload` names, whatever the tags. */
  readonly inboundTagsDisabled?: boolean;
  /** `dnsServer`: whether values of the tag `kuma.io/service` have addresses and names, and below which domain. */
  readonly taggedServices: { readonly enabled: boolean; readonly domain: string };
  /** `meshService.labelPropagation`: labels of dataplanes that their generated services get too. */
  readonly labelPropagation?: {
    readonly enabled: boolean;
    /** Keys that may be copied; empty for all but reserved ones (`kuma.io/…` and the like). */
    readonly allowedLabelKeys: readonly string[];
  };
}

/** What the outside world knows about dataplanes. All three are called often and must be cheap. */
export interface DataplaneFacts {
  /** Whether the proxy has a stream to a control plane. */
  connected(mesh: string, dataplane: string): boolean;
  /** The SPIFFE ids that the proxy presents or may present soon. */
  identitiesOf(dataplane: DataplaneResource): readonly string[];
  /** Whether the proxy serves mesh TLS: it has a certificate, and its clients can trust it. */
  acceptsTls(dataplane: DataplaneResource): boolean;
}

/** What the derivation needs besides the store's documents. */
export interface NamingWorld {
  readonly facts: DataplaneFacts;
  readonly settings: NamingSettings;
  /** Shared by all meshes: an address is one service's in the whole zone. */
  readonly pools: VipPools;
}
