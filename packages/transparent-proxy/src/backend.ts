import type { Family } from "./config/network-address.ts";
import type { RuleSet } from "./rules/rule.ts";

/** What a packet filter holds at a moment, as far as it matters here. A {@link Backend} can go back to it. */
export interface Snapshot {
  /** IP versions of which something is there that an install made, by whichever version of this or of Kuma. */
  readonly own: ReadonlySet<Family>;
  /** IP versions in which Docker redirects DNS of its containers. */
  readonly dockerDns: ReadonlySet<Family>;
  /** Whether others have rules where ours would be. */
  readonly foreign: boolean;
}

/** A change of the packet filter that happens as a whole or not at all. */
export interface Step {
  /** What it is about, for output: `IPv4`. */
  readonly title: string;
  /** What the tool is given. */
  readonly text: string;
  /** The command that takes it. */
  readonly command: string;
  /** @throws Error with what the tool said. */
  apply(): Promise<void>;
}

/** One way to program the kernel's packet filter. It only ever touches rules of ours. */
export interface Backend {
  /** `iptables (nft)`, `iptables (legacy)`, `nftables`. */
  readonly name: string;
  /** @throws Error when it cannot be used for that IP version here, with a sentence that says why. */
  requireFamily(family: Family): void;
  /** @throws Error with what the tool said. */
  read(): Promise<Snapshot>;
  /** From what is there now to these rules and no others of ours, or back to an earlier snapshot; none where all is so. */
  steps(now: Snapshot, goal: readonly RuleSet[] | Snapshot): Promise<readonly Step[]>;
}
