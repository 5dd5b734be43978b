export { policies } from "./all.ts";
export {
  type BackendReference,
  type GatewayInput,
  type InboundInput,
  type OutboundInput,
  type PolicyDefinition,
  planOf,
  type RouteIdentity,
} from "./definition.ts";
export { notOnPorts } from "./destination-ports.ts";
export type {
  AskedService,
  GatewayChainDraft,
  GatewayHostDraft,
  GatewayRouteDraft,
  GatewayVirtualHostDraft,
  InboundDraft,
  InboundRouteDraft,
  OutboundDraft,
  OutboundRouteDraft,
  TransparentDraft,
} from "./draft.ts";
export { callerGroups } from "./engine/by-caller.ts";
export { CALLER_TAGS_HEADER, callerTagsHeader } from "./engine/caller-tags.ts";
export { compareHosts, ownerOf } from "./engine/hostnames.ts";
export { comparePolicies } from "./engine/order.ts";
export type {
  CallerMatch,
  PolicyResource,
  PolicySpec,
  SpiffeMatch,
  TargetRef,
} from "./engine/policy-resource.ts";
export { concernsDestination, isAboutMesh, namedRoutes, policyKri } from "./engine/rules.ts";
export {
  contains,
  type Selectable,
  type SelectableGateway,
  type Selection,
  select,
} from "./engine/select.ts";
export { firstBytesPatience } from "./first-bytes.ts";
export { policyKinds } from "./kinds.ts";
export { meshCircuitBreaker } from "./mesh-circuit-breaker/policy.ts";
export { type AskedHost, gatewayRoutes } from "./mesh-http-route/gateway.ts";
export { seenThrough } from "./mesh-load-balancing-strategy/seen-through.ts";
export { type ViewingCaller, viewingKeys, viewingPart, viewOf } from "./mesh-load-balancing-strategy/view.ts";
export { meshProxyPatch } from "./mesh-proxy-patch/policy.ts";
export { gatewayConnections } from "./mesh-tcp-route/policy.ts";
export { meshTls } from "./mesh-tls/policy.ts";
export { mayLeave } from "./mesh-traffic-permission/leaving.ts";
export type { PermissionPlan } from "./mesh-traffic-permission/plan.ts";
export { meshTrafficPermission } from "./mesh-traffic-permission/policy.ts";
export { type Caller, tagUris, type Verdict, verdict } from "./mesh-traffic-permission/verdict.ts";
export { altStatName, networkFilter, statName } from "./network-filter.ts";
export { originalDestinationCluster, originalDestinationFilter } from "./original-destination.ts";
export type { DestinationKey, DestinationPlan, Protocol } from "./plan/destination-plan.ts";
export type { EgressChainPlan, EgressPlan } from "./plan/egress-plan.ts";
export type { EndpointPlan, EndpointsPlan, EndpointsView, LocalityPlan } from "./plan/endpoints-plan.ts";
export type {
  ExternalAddress,
  ExternalEndpointPlan,
  ExternalPlan,
  ExternalSanPlan,
  ExternalTlsPlan,
  ExternalTlsVersion,
} from "./plan/external-plan.ts";
export type {
  GatewayCalls,
  GatewayChainPlan,
  GatewayHostPlan,
  GatewayPlan,
  GatewayPortPlan,
  GatewayProtocol,
  GatewayVirtualHostPlan,
} from "./plan/gateway-plan.ts";
export type {
  InboundPlan,
  InboundSharedPlan,
  InboundTlsMode,
  InboundTlsPlan,
  ServingPlan,
} from "./plan/inbound-plan.ts";
export { contributors, type Merged, type Origin, type PolicyPlans } from "./plan/origin.ts";
export type {
  BackendClusterPlan,
  BackendPlan,
  OutboundPlan,
  UpstreamPlan,
  UpstreamTlsPlan,
} from "./plan/outbound-plan.ts";
export { type IpFamily, type PassthroughDirection, passthroughName } from "./plan/passthrough-name.ts";
export type {
  AdminPlan,
  DnsPlan,
  DnsRecord,
  IdentityPlan,
  Naming,
  PlanCondition,
  ProxyPlan,
} from "./plan/proxy-plan.ts";
export type { DirectAccessPlan, DirectAccessTlsPlan, TransparentPlan } from "./plan/transparent-plan.ts";
export type {
  PatchableResource,
  PatchedResource,
  PatchProblem,
  ResourceOrigin,
  ResourcePatch,
} from "./resource-patch.ts";
