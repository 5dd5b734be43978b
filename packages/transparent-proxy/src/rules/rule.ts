import type { Family } from "../config/network-address.ts";
import type { Range } from "../config/readers.ts";

/** A table of the packet filter. */
export type Table = "raw" | "mangle" | "nat";

/** Begins every name of a chain of ours, so that whatever is ours is known by it. */
export const CHAIN_PREFIX = "KUMA_MESH_";

/** Begins every comment of ours; Kuma's begin likewise. */
export const COMMENT_PREFIX = "kuma/mesh/transparent/proxy/";

/** Which packets a rule is about; what is left out does not matter. */
export interface Match {
  readonly protocol?: "tcp" | "udp";
  /** Port the packet goes to. */
  readonly ports?: readonly Range[];
  /** Port it comes from. */
  readonly sourcePort?: number;
  /** Networks, with prefix length. */
  readonly source?: string;
  readonly destination?: string;
  readonly notDestination?: string;
  readonly inInterface?: string;
  readonly outInterface?: string;
  /** Uids of the process that sends it. */
  readonly owner?: Range;
  readonly notOwner?: number;
  /** It belongs to no connection that the kernel knows. */
  readonly invalid?: boolean;
}

/** What happens to a packet that matches. */
export type Verdict =
  | { readonly kind: "return" }
  | { readonly kind: "drop" }
  | { readonly kind: "jump"; readonly chain: string }
  | { readonly kind: "redirect"; readonly port: number }
  /** Track it among the connections of that zone. Done once; later zones of the same packet do not count. */
  | { readonly kind: "zone"; readonly zone: number }
  | { readonly kind: "log"; readonly prefix: string; readonly level: number };

export interface Rule {
  readonly match: Match;
  readonly verdict: Verdict;
  /** Why it is there. */
  readonly comment: string;
}

/** A chain of ours. Without rules it is a mark that says something by being there. */
export interface Chain {
  readonly table: Table;
  readonly name: string;
  readonly rules: readonly Rule[];
}

/** A rule in a chain of the system that leads into one of ours. */
export interface Hook {
  readonly table: Table;
  readonly at: "PREROUTING" | "OUTPUT";
  /** Before all rules of the chain, in the order of the hooks, or after them. */
  readonly place: "first" | "last";
  readonly match: Match;
  readonly chain: string;
  readonly comment: string;
}

/** All rules of one IP version. */
export interface RuleSet {
  readonly family: Family;
  readonly chains: readonly Chain[];
  readonly hooks: readonly Hook[];
  readonly comments: boolean;
}
