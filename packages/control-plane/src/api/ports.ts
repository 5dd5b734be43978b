import type { Resource, ResourceKey, Violation } from "@skein/model";
import type { ProxyPlan } from "@skein/policies/plan/proxy-plan";
import type { Finding } from "../analyze/finding.ts";
import type { AnalysisInput } from "../analyze/scope.ts";
import type { Explanation, Question, QuestionProblem } from "../explain/explanation.ts";
import type { Outcome } from "../identity/outcome.ts";
import type { ProxyConfig, XdsType } from "../xds/fragment.ts";

/** An xDS resource as a person sees it. */
export interface XdsName {
  readonly type: XdsType;
  readonly name: string;
}

/** An xDS resource that Envoy refused, and the policies that shaped it. */
export interface RejectedResource extends XdsName {
  readonly message: string;
  readonly policies: readonly string[];
  /** Their rules, as far as they are known: `<KRI> to[0]`. */
  readonly rules?: readonly string[];
}

/** How far a change has got with one proxy. */
export interface ChangeItem {
  readonly mesh: string;
  readonly name: string;
  readonly state: "behind" | "acknowledged" | "rejected" | "gone";
  readonly afterMs?: number;
  readonly resources: readonly XdsName[];
  readonly rejected?: readonly RejectedResource[];
}

/** How far a change has got. Old changes keep their counts and lose their items. */
export interface ChangeStatus {
  readonly id: number;
  /** RFC 3339. */
  readonly time: string;
  readonly state: "planning" | "pending" | "settled";
  readonly proxies: {
    readonly affected: number;
    readonly acknowledged: number;
    readonly behind: number;
    readonly rejected: number;
    readonly gone: number;
  };
  readonly lastAcknowledgedAfterMs?: number;
  readonly items: readonly ChangeItem[];
}

/** Follows every write to the proxies. */
export interface ChangeTracker {
  /** `undefined` for an id that was never made or is forgotten. */
  status(id: number): ChangeStatus | undefined;
  /** Resolves when the change is settled, when `signal` aborts, or at once for an unknown id. Never rejects. */
  settled(id: number, signal: AbortSignal): Promise<void>;
}

/** A thing about a proxy that somebody should know; of a policy and an Envoy resource, where it is about them. */
export interface ProxyCondition {
  readonly type: string;
  readonly message: string;
  /** KRI. */
  readonly policy?: string;
  /** Type and name. */
  readonly resource?: string;
}

/** What a proxy holds against what it should hold. */
export interface ProxyStatus {
  readonly mesh: string;
  readonly name: string;
  readonly state: "in-sync" | "behind" | "rejected" | "offline";
  readonly connected: boolean;
  /** RFC 3339: when `state` began. */
  readonly since: string;
  readonly wantedRevision: number;
  readonly acknowledgedRevision: number;
  readonly resources: Readonly<Partial<Record<XdsType, number>>>;
  readonly rejected: readonly RejectedResource[];
  readonly identity?: { readonly spiffeId: string; readonly expires: string };
  readonly conditions: readonly ProxyCondition[];
}

export interface Proxies {
  /** Every connected or known proxy, of all meshes where `mesh` is absent, sorted by mesh, then name. */
  list(mesh?: string): readonly ProxyStatus[];
}

/** Whether one workload may call one port of another, or a service outside the mesh. */
export interface AccessEntry {
  readonly source: string;
  readonly sourceId: string;
  readonly destination: string;
  readonly port: number;
  /** Set where the destination is a MeshExternalService: who calls it, and so where permissions are asked. */
  readonly outside?: "egress" | "sidecar";
  /**
   * `plaintext`: nobody knows who calls; `unchecked`: nobody asks who calls; `unreachable`: calls come to nothing, whoever
   * makes them; `differs`: some egresses let the caller out and others do not.
   */
  readonly verdict: "allow" | "deny" | "plaintext" | "unchecked" | "unreachable" | "differs";
  /** KRI of the deciding policy; null where the absence of one decided. */
  readonly policy: string | null;
  readonly reason: string;
}

/** Questions about what the pipeline has decided, all answered from the current plans. */
export interface Plans {
  plan(dataplane: ResourceKey): ProxyPlan | undefined;
  access(mesh: string): readonly AccessEntry[];
  /** What would happen to a request. */
  explain(question: Question): Outcome<Explanation, QuestionProblem>;
  /** What in a mesh is probably not what its people want. */
  analyze(mesh: string, by: Pick<AnalysisInput, "kinds" | "secret" | "now">): Promise<readonly Finding[]>;
  /** The Envoy resources the proxy should hold. */
  config(dataplane: ResourceKey): ProxyConfig | undefined;
  /** The same as JSON in the shape of Envoy's config dump. */
  xds(dataplane: ResourceKey, options: { readonly includeEds: boolean }): Promise<unknown>;
  /** Dataplanes that a policy or a MeshService selects, sorted by name. */
  selectedBy(resource: Resource): readonly ResourceKey[];
  /** Sentences about a document that is fine but probably not what its writer wanted. */
  warnings(written: Resource): readonly string[];
  /** Sentences about what is less protected, or fails, once this resource, which is still there, is deleted. */
  deleteWarnings(deleted: Resource): readonly string[];
}

export type AdminAnswer =
  | { readonly kind: "answer"; readonly contentType: string; readonly body: string }
  /** The proxy cannot be reached: `message` says why. */
  | { readonly kind: "unreachable"; readonly message: string };

/** Envoy's own admin interface, passed through. */
export interface EnvoyAdmin {
  stats(
    dataplane: ResourceKey,
    query: { readonly usedOnly: boolean; readonly json: boolean },
  ): Promise<AdminAnswer>;
  clusters(dataplane: ResourceKey, query: { readonly json: boolean }): Promise<AdminAnswer>;
  /** What Envoy itself says that it holds, as JSON. */
  configDump(dataplane: ResourceKey, query: { readonly includeEds: boolean }): Promise<AdminAnswer>;
}

/** What a document would do, found out before it is written. */
export interface Trial {
  /** Not empty: the document must not be written. */
  readonly violations: readonly Violation[];
  readonly warnings: readonly string[];
}
