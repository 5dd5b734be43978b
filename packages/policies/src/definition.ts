import type { BackendRef, KindDefinition } from "@skein/model";
import type {
  GatewayChainDraft,
  GatewayHostDraft,
  InboundDraft,
  OutboundDraft,
  TransparentDraft,
} from "./draft.ts";
import type { CallerMatch, PolicyResource } from "./engine/policy-resource.ts";
import type { DestinationPlan, Protocol } from "./plan/destination-plan.ts";
import type { Origin, PolicyPlans } from "./plan/origin.ts";
import type { PlanCondition } from "./plan/proxy-plan.ts";
import type { ResourcePatch } from "./resource-patch.ts";

export interface InboundInput {
  /** The policies of this kind that select the inbound, in no particular order. */
  readonly policies: readonly PolicyResource[];
  readonly mesh: string;
  readonly protocol: Protocol;
  /** Name of the service behind the inbound: its tag, else the workload's. */
  readonly service: string;
  /**
   * How callers are recognised: by the tags in certificates of the mesh's own CA, by SPIFFE id, or by either while one
   * replaces the other; not at all where the proxy has no certificate.
   */
  readonly callers: "tags" | "identity" | "either" | undefined;
  /** Host and port of the proxy's own authorization agent, where it said that it has one. */
  readonly extAuthzAddress?: string | undefined;
}

/** A route as policies refer to it. */
export interface RouteIdentity {
  readonly kind: "MeshHTTPRoute";
  /** KRI of the route, without a section. */
  readonly kri: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface OutboundInput {
  /** The policies of this kind that select the caller, in no particular order. */
  readonly policies: readonly PolicyResource[];
  readonly destination: DestinationPlan;
  /**
   * The routes that definitions of a lower order put on this destination. Read them only where they matter: what did not
   * look at them is planned once for all callers, whatever their routes.
   */
  readonly routes: readonly RouteIdentity[];
}

/** A part of a built-in gateway: one of its listeners, or what several of them on one port have in common. */
export interface GatewayInput {
  /** The policies of this kind that select the part, in no particular order. */
  readonly policies: readonly PolicyResource[];
  readonly mesh: string;
  /** Whether requests are read there; else it passes bytes on. */
  readonly isHttp: boolean;
  /** Service tag of the gateway. */
  readonly service: string;
  /** The routes that MeshHTTPRoutes put there. */
  readonly routes: readonly RouteIdentity[];
  /** Host and port of the proxy's own authorization agent, where it said that it has one. */
  readonly extAuthzAddress?: string | undefined;
}

export interface ProxyInput {
  /** The policies of this kind that select the proxy, in no particular order. */
  readonly policies: readonly PolicyResource[];
  readonly mesh: string;
}

/** A reference from a policy to another destination. */
export interface BackendReference {
  /** The same for equal references of one policy; `UpstreamPlan.backends` has the answer under it. */
  readonly key: string;
  readonly ref: BackendRef;
  /** Where the reference was written: names mean the resources of this place. */
  readonly zone: string | undefined;
  readonly namespace: string | undefined;
  /** For messages: the policy and the path of the reference. */
  readonly origin: Origin;
}

/**
 * A policy: its schema, what it puts into a plan, and how that becomes Envoy configuration. The plan entries are plain
 * data with the origin of every field; translation sees only them and the draft.
 */
export interface PolicyDefinition<Inbound = unknown, Outbound = unknown, Proxy = unknown, Gateway = Inbound> {
  readonly kind: KindDefinition;
  /** Planning and translation run in ascending order. */
  readonly order: number;
  planInbound?(input: InboundInput): Inbound | undefined;
  /** Not called where there is no policy. */
  planOutbound?(input: OutboundInput): Outbound | undefined;
  /** Whether a policy without a `to` list says anything of calls; it does where nothing is said here. */
  concernsCalls?(policy: PolicyResource): boolean;
  /** What it says of traffic that comes into a built-in gateway; what it says of the calls from there is `planOutbound`. */
  planGateway?(input: GatewayInput): Gateway | undefined;
  /** What it says of the proxy as a whole. */
  planProxy?(input: ProxyInput): Proxy | undefined;
  /** The routes of an entry, which policies of a higher order may be about. */
  routes?(plan: Outbound): readonly RouteIdentity[];
  /** Other destinations that an entry sends traffic to; planning looks them up. */
  backendRefs?(plan: Outbound): readonly BackendReference[];
  /** The callers for which an entry differs from what it says of all others: each gets routes of its own. */
  callers?(plan: Inbound): readonly CallerMatch[];
  /** Whether a policy tells callers apart by their tags: then every caller of the mesh sends them along. */
  callerTags?(policy: PolicyResource): boolean;
  /** Called also where no policy applies, so that built-in defaults live beside the policy. */
  translateInbound?(plan: Inbound | undefined, draft: InboundDraft): void;
  /** Gateways call it too, for the cluster of each destination and for what sends requests or connections there. */
  translateOutbound?(plan: Outbound | undefined, draft: OutboundDraft): void;
  /**
   * What `translateOutbound` sets depends on nothing that other policies set, and no other policy reads or sets it. So it
   * gets a draft that only has the outline: which parts there are and which routes, with the policy of each and whether
   * it forwards requests. Entries that are the same as JSON, `origins` left out, share what comes of it. And of a
   * destination `planOutbound` looks at nothing but whether entries are about it: what is about all is planned once.
   */
  readonly standsAlone?: boolean;
  /**
   * What it changes for all connections of a chain of a built-in gateway. Called before `translateGatewayHost`, and also
   * where no policy applies.
   */
  translateGatewayChain?(plan: Gateway | undefined, draft: GatewayChainDraft): void;
  /**
   * What it changes for the traffic to one listener of a built-in gateway. Called also where no policy applies. `ofChain`
   * is what `translateGatewayChain` was given: the same object where nothing else holds for this listener.
   */
  translateGatewayHost?(
    plan: Gateway | undefined,
    draft: GatewayHostDraft,
    ofChain: Gateway | undefined,
  ): void;
  /** What it changes in how a transparent proxy takes traffic that no outbound is for. */
  translateTransparent?(plan: Proxy | undefined, draft: TransparentDraft): void;
  /** What somebody should know of its entry for the proxy: what comes to nothing, or to less than it says. */
  conditions?(
    plan: Proxy,
    /** The port to which connections of the application are redirected; absent where they are left alone. */
    redirect: { readonly outboundPort: number | undefined },
  ): readonly PlanCondition[];
  /** False: it says nothing of calls that leave the mesh through a zone egress, though egresses plan as inbounds do. */
  readonly atEgresses?: false;
  /** Its inbound entry names the service, so that services cannot share one. */
  readonly perService?: boolean;
  /** What it changes in the finished resources of a proxy; equal entries give equal patches. */
  patchResources?(plan: Proxy): ResourcePatch;
  /** Which Envoy resources it shapes; all where nothing is said. */
  readonly shapes?: readonly ("cluster" | "listener" | "route")[];
  /** Where the parts of a plan entry came from. */
  origins(plan: Inbound | Outbound | Proxy | Gateway): Iterable<Origin>;
}

/** The entry that a policy left in a plan. */
export function planOf<Inbound, Outbound, Proxy, Gateway>(
  definition: PolicyDefinition<Inbound, Outbound, Proxy, Gateway>,
  plans: PolicyPlans,
): (Inbound & Outbound & Proxy & Gateway) | undefined {
  return plans[definition.kind.type] as (Inbound & Outbound & Proxy & Gateway) | undefined;
}
