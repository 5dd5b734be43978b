import type { CallerMatch } from "@skein/policies";
import type { Origin } from "@skein/policies/plan/origin";
import type { AccessEntry } from "../api/ports.ts";
import type { AddressedType } from "../naming/addressed.ts";
import type { XdsType } from "../xds/fragment.ts";

/** As much of a list as an answer has room for. */
export interface Bounded<T> {
  readonly total: number;
  readonly items: readonly T[];
}

/** An Envoy resource that a proxy would get, lose or get anew. */
export interface ResourceChange {
  readonly type: XdsType;
  readonly name: string;
  readonly change: "added" | "changed" | "removed";
}

/** Proxies of one mesh for which the same resources would change. */
export interface ProxyGroup {
  readonly mesh: string;
  readonly proxies: Bounded<string>;
  readonly resources: Bounded<ResourceChange>;
}

/** What would become of one pair of workloads. */
export interface AccessChange {
  readonly mesh: string;
  readonly source: string;
  readonly destination: string;
  readonly port: number;
  /** Absent where the pair is new. */
  readonly before?: AccessEntry["verdict"];
  /** Absent where the pair would be gone. */
  readonly after?: AccessEntry["verdict"];
  readonly change:
    | "newly-allowed"
    | "newly-denied"
    /** From plaintext to mutual TLS, and back. */
    | "newly-encrypted"
    | "newly-plaintext"
    | "appears"
    | "disappears";
  /** The deciding policy after the change, and why. */
  readonly policy: string | null;
  readonly reason: string;
}

/** One field of plans that would change: the same change in many places is one of these. */
export interface FieldChange {
  readonly mesh: string;
  /** Which part of a proxy it is in. */
  readonly part: "proxy" | "inbound" | "outbound";
  /** Kind of the policy; absent for what no policy decides. */
  readonly kind?: string;
  /** Path of the field in what is in force. */
  readonly field: string;
  /** The callers or the route that it is about, where not all. */
  readonly caller?: CallerMatch;
  readonly route?: string;
  /** Absent where the field is new. */
  readonly before?: unknown;
  /** Absent where the field would be gone. */
  readonly after?: unknown;
  /** The rule that the value comes from; where it would be gone, came from. */
  readonly origin?: Origin;
  /** Sections of inbounds and of listeners of gateways, or KRIs of destinations. */
  readonly places: Bounded<string>;
  readonly proxies: Bounded<string>;
}

/** What would come and go. */
export interface Difference {
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

/** What would become of a service that has names and an address, whoever made it. */
export interface NameChange {
  readonly mesh: string;
  readonly type: AddressedType;
  readonly name: string;
  readonly change: "appears" | "changes" | "goes";
  readonly hostnames: Difference;
  /** An address, or the range that it would come from where which one is not known. */
  readonly addresses: Difference;
  /** When it would go if nobody comes back to it: its last instance is gone. RFC 3339. */
  readonly goesAt?: string;
}

/** What a change would do, without its having been done. */
export interface Effects {
  /** Revision of the store that the answer starts from. */
  readonly revision: number;
  readonly proxies: {
    /** Those that were looked at. */
    readonly total: number;
    readonly changed: number;
    readonly groups: Bounded<ProxyGroup>;
  };
  readonly access: Bounded<AccessChange>;
  readonly diff: Bounded<FieldChange>;
  /** Services, host names and addresses that would come and go. */
  readonly names: Bounded<NameChange>;
  /** What has to be known to read the rest. */
  readonly notes: readonly string[];
}

/** How much of each list an answer holds. */
export interface Limits {
  readonly groups: number;
  readonly names: number;
  readonly resources: number;
  readonly pairs: number;
  readonly fields: number;
  readonly services: number;
  readonly places: number;
}

/** Enough for a person and for a pipeline, and a few megabytes at the most. */
export const LIMITS: Limits = {
  groups: 100,
  names: 1000,
  resources: 500,
  pairs: 2000,
  fields: 1000,
  services: 1000,
  places: 20,
};

/** The first of a list, with how many there are. */
export function bounded<T>(items: readonly T[], limit: number): Bounded<T> {
  return { total: items.length, items: items.slice(0, limit) };
}
