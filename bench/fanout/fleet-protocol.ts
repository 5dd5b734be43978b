import type { Reach } from "./mesh-model.ts";

/** What the fleet process is asked. */
export type FleetRequest =
  | {
      readonly kind: "start";
      readonly target: string;
      readonly caFile: string;
      readonly proxies: number;
      readonly services: number;
      readonly reach: Reach;
      readonly tokens: readonly string[];
      readonly rampMs: number;
    }
  /** Forgets what was acknowledged until now. */
  | { readonly kind: "observe" }
  /** What was acknowledged since. */
  | { readonly kind: "observed" }
  | { readonly kind: "state" }
  | { readonly kind: "reconnect" };

/** One proxy's acknowledgements since `observe`; times as of `wallMs`. */
export interface ProxyObservation {
  readonly proxy: number;
  /** First acknowledgement of each type. */
  readonly cluster?: number;
  readonly endpoint?: number;
  readonly listener?: number;
  readonly route?: number;
  readonly secret?: number;
  /** Last acknowledgement of any type. */
  readonly last: number;
  readonly resources: number;
}

/** The fleet as a whole. */
export interface FleetState {
  readonly connected: number;
  /** Proxies that hold clusters and listeners for all that they call, and whatever these refer to. */
  readonly complete: number;
  /** Since when nothing was acknowledged. */
  readonly quietSince: number;
  readonly resources: number;
  readonly bytes: number;
  readonly responses: number;
  readonly closed: readonly string[];
}

/** Answers by kind of request. */
export interface FleetAnswers {
  readonly start: { readonly readyAt: number };
  readonly observe: true;
  readonly observed: readonly ProxyObservation[];
  readonly state: FleetState;
  readonly reconnect: { readonly connectedAt: number };
}
