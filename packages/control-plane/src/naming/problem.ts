import type { DerivedType } from "./marks.ts";

/** Why a derived resource is not what its dataplanes ask for. */
export type NamingProblemReason =
  /** A resource that somebody else made has the name; theirs stays. */
  | "NameTaken"
  /** The tag or label cannot be the name of a resource. */
  | "InvalidName"
  /** Dataplanes of one service disagree about its ports. */
  | "PortsDiffer"
  /** Some dataplanes name the service by tag, others by label, and no one selector finds them all. */
  | "SelectorsDiffer"
  /** The address range is used up. */
  | "AddressesExhausted"
  /** The store did not take the change; it is tried again. */
  | "WriteFailed"
  /** A defect of ours: evaluating the resource threw; it is tried again. */
  | "Internal";

/** One thing that an operator should know about a derived resource, present as long as it lasts. */
export interface NamingProblem {
  readonly mesh: string;
  readonly type: DerivedType;
  readonly name: string;
  readonly reason: NamingProblemReason;
  /** A sentence that names what disagrees and what to do. */
  readonly message: string;
}
