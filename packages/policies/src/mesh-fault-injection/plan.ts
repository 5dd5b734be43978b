import type { CallerMatch, TargetRef } from "../engine/policy-resource.ts";
import type { Origin } from "../plan/origin.ts";
import type { Fault } from "./conf.ts";

/** Every rule that fits a caller adds its faults. From lowest to highest precedence. */
export interface FaultsByMatch {
  readonly model: "matches";
  readonly rules: readonly {
    /** Alternatives; everybody where there are none. */
    readonly callers: readonly CallerMatch[];
    readonly http: readonly Fault[];
    readonly origin: Origin;
  }[];
}

/** By tags of the caller: the last entry that covers it is all that holds. From lowest to highest precedence. */
export interface FaultsByTags {
  readonly model: "tags";
  readonly entries: readonly {
    readonly target: TargetRef;
    readonly http: readonly Fault[];
    readonly origin: Origin;
  }[];
}

/** The faults of an inbound. */
export type FaultPlan = FaultsByMatch | FaultsByTags;
