import type { Origin } from "@skein/policies";

/** A request that somebody asks about. */
export interface Question {
  readonly mesh: string;
  /** A dataplane, or what people call its workload. */
  readonly source: string;
  /** A MeshService, a dataplane or a workload, with `:port` where it has several. */
  readonly destination: string;
  readonly port?: number;
  /** Default GET. */
  readonly method?: string;
  /** Default `/`. */
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Why a question cannot be answered: which part of it is wrong, and what was probably meant. */
export interface QuestionProblem {
  readonly kind: "unknown" | "ambiguous" | "invalid";
  readonly field: "source" | "destination" | "port";
  readonly message: string;
  readonly suggestions: readonly string[];
}

/**
 * What becomes of the request. `differs` where backends, instances or instances of the caller do not agree: some requests
 * get through and others do not.
 */
export const VERDICTS = [
  "allowed",
  "denied",
  "plaintext-refused",
  "tls-failed",
  "no-outbound",
  "no-route",
  "no-endpoints",
  /** A route answers with a redirect. */
  "redirected",
  /** A route sends to backends of which none can be served. */
  "no-backend",
  /** A MeshFaultInjection aborts every request of this caller. */
  "aborted",
  "differs",
] as const;

export type ExplainedVerdict = (typeof VERDICTS)[number];

/** One value of a hop: a setting, what it is, and the rule that set it. */
export interface Fact {
  readonly name: string;
  readonly value: string;
  /** Absent where no policy says anything and the built-in value holds. */
  readonly origin?: Origin;
}

/** Where on the way something is decided. */
export const HOP_PLACES = [
  "source",
  "gateway",
  "outbound",
  "route",
  "cluster",
  "tls",
  "inbound",
  "permission",
  "application",
] as const;

/** One decision on the way. */
export interface Hop {
  readonly at: (typeof HOP_PLACES)[number];
  /** What it is about: a dataplane, a listener, a destination. */
  readonly name: string;
  readonly outcome: "pass" | "stop" | "warn";
  /** One sentence: what happens here and why. */
  readonly text: string;
  readonly facts: readonly Fact[];
}

/** What somebody can do to let a refused request through. */
export interface Remedy {
  readonly text: string;
  /** A document to apply, or the part to add to one. */
  readonly document?: unknown;
}

/** How long a request may take, in milliseconds; absent where nothing ends it. */
export interface Limits {
  readonly requestMs?: number;
  readonly connectMs?: number;
  readonly idleMs?: number;
}

/** What the caller's own proxy answers. */
export interface Answer {
  readonly status: number;
  /** Of a redirect. */
  readonly location?: string;
}

/** A request as the called application sees it, after the rewrites of its route. */
export interface Sent {
  /** With its query. */
  readonly path: string;
  /** Absent: the host that the caller named. */
  readonly host?: string;
  /** Headers that it sees otherwise than the caller sent them; null for one that is gone. */
  readonly headers?: Readonly<Record<string, string | null>>;
}

/** What a route changes in the headers of answers, in this order; names are lower-case. */
export interface ReturnedChanges {
  readonly remove: readonly string[];
  readonly set: readonly { readonly name: string; readonly value: string }[];
  readonly add: readonly { readonly name: string; readonly value: string }[];
}

/** A destination that gets copies of requests, whose answers nobody waits for. */
export interface Copies {
  /** Null: the reference leads nowhere, and no copies are sent. */
  readonly backend: string | null;
  /** In percent of the requests that are sent on: Envoy does not copy one for which it finds no instance. */
  readonly share: number;
}

/** One way in which an attempt at a request ends. */
export interface Attempt {
  /** In percent of the attempts. */
  readonly share: number;
  /** Absent: the application answers. */
  readonly status?: number;
  /** How long faults hold it up, in milliseconds. */
  readonly delayMs?: number;
  /** Nobody answered, so the status is the caller's own proxy's: the connection failed, ended, or there was nobody to call. */
  readonly without?: "connect" | "reset" | "endpoint";
}

/** One way in which requests end for the caller, after the retries of its proxy. */
export interface Ending {
  /** In percent of the requests that are sent on: Envoy does not copy one for which it finds no instance. */
  readonly share: number;
  /** Absent: the application's own answer. */
  readonly status?: number;
}

/** A part of the requests that goes one way. */
export interface Branch {
  /** The destination of this part. */
  readonly backend: string;
  /** Its share of the requests, in percent. */
  readonly share: number;
  /** The instances that behave in this way; empty where the request never gets that far. */
  readonly instances: readonly string[];
  readonly verdict: ExplainedVerdict;
  readonly reason: string;
  /** The rule that decided; null where the absence of one did, or the built-in behaviour. */
  readonly decidedBy: Origin | null;
  readonly limits: Limits;
  /** How attempts end here, the faults of a MeshFaultInjection included; empty for bytes. */
  readonly attempts: readonly Attempt[];
  readonly hops: readonly Hop[];
  readonly remedy: Remedy | null;
}

/** What would happen to a request, from the plans that program Envoy. */
export interface Explanation {
  readonly mesh: string;
  readonly source: {
    readonly dataplane: string;
    readonly workload: string;
    readonly spiffeId: string | null;
  };
  readonly destination: {
    readonly name: string;
    readonly port: number;
    readonly protocol: string;
  };
  /** Null for protocols without requests. */
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly headers: Readonly<Record<string, string>>;
  } | null;
  readonly verdict: ExplainedVerdict;
  readonly reason: string;
  readonly decidedBy: Origin | null;
  /** The rule of a MeshHTTPRoute or MeshTCPRoute that takes it; null where none does. */
  readonly route: Origin | null;
  /** What the caller's own proxy answers where it sends the request nowhere; null where it sends it on. */
  readonly answer: Answer | null;
  /** The request as the called application sees it; null for bytes, and where it is not sent on. */
  readonly sent: Sent | null;
  /** What the route changes in the headers of answers; null where nothing. */
  readonly returned: ReturnedChanges | null;
  /** Who gets copies of the request, as long as somebody gets the request itself. */
  readonly copies: readonly Copies[];
  /**
   * How requests end for the caller's application, the most frequent first, as long as applications answer in time; empty
   * for bytes, and where no port leads there.
   */
  readonly endings: readonly Ending[];
  /** Shares of endings are only near: retries choose among instances that do not behave alike. */
  readonly endingsEstimated: boolean;
  /** What the caller's application sees. */
  readonly seen: string;
  readonly limits: Limits;
  /** The hops that all requests share: the caller, its outbound, the route. */
  readonly hops: readonly Hop[];
  readonly branches: readonly Branch[];
  readonly remedy: Remedy | null;
  /** Instances of the caller for which the answer is another one. */
  readonly otherwise: readonly {
    readonly dataplane: string;
    readonly verdict: ExplainedVerdict;
    readonly reason: string;
  }[];
}
