/** Where a destination's instances are: the same object for every caller with the same view. */
export interface EndpointsPlan {
  readonly localities: readonly LocalityPlan[];
  /** Health of a priority times this, in percent, is the traffic it keeps; Envoy's own where absent. */
  readonly overprovisioningFactor?: number;
  /** KRIs of the policies that decided this; absent where none did. */
  readonly policies?: readonly string[];
}

/** Instances of one zone, or of a part of it, that are called alike. */
export interface LocalityPlan {
  readonly zone: string;
  /** The tag by which a caller prefers these instances to others of the zone: `key=value`. */
  readonly subZone?: string;
  /** Share of the traffic among the localities of a priority; absent where instances count, not localities. */
  readonly weight?: number;
  readonly priority: number;
  readonly endpoints: readonly EndpointPlan[];
}

/** One instance of a destination. */
export interface EndpointPlan {
  readonly address: string;
  readonly port: number;
  readonly tags: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * How a caller sees the instances of a destination: which ones are near, which far ones may be called and in which
 * order. Callers with equal policies and equal tags of their own have the same object.
 */
export interface EndpointsView {
  /** The first that an instance of the caller's zone has decides where it belongs. Empty: they are all alike. */
  readonly affinity: readonly { readonly key: string; readonly value: string; readonly weight: number }[];
  /** Localities share the traffic by weight, not by how many instances they have. */
  readonly isWeighted: boolean;
  /** The first that names the zone of a far instance decides; one that none names is not called. */
  readonly otherZones: readonly OtherZones[];
  readonly overprovisioningFactor?: number;
  /** KRIs of the policies behind it. */
  readonly policies: readonly string[];
}

/** Which far instances may be called, and after whom. */
export interface OtherZones {
  readonly priority: number;
  /** These zones, or with `except` all others. */
  readonly zones: readonly string[];
  readonly except: boolean;
}
