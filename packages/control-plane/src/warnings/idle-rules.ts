import { displayName } from "@skein/model";
import type { InboundPlan, OutboundPlan, PolicyResource, ProxyPlan, Selection } from "@skein/policies";
import { outboundEntries } from "@skein/policies/engine/rules";
import type { HttpRoutesPlan } from "@skein/policies/mesh-http-route/plan";
import { meshHttpRoute } from "@skein/policies/mesh-http-route/policy";
import { meshTcpRoute } from "@skein/policies/mesh-tcp-route/policy";

import { isAboutRequests, protocolRemedy } from "./about-requests.ts";

const HTTP_ROUTE = meshHttpRoute.kind.type;
const TCP_ROUTE = meshTcpRoute.kind.type;

/** A rule of a policy that selects a proxy and comes to nothing there. */
export interface IdleRule {
  /** Where it is in `spec`: `to[0]`. */
  readonly rule: string;
  readonly message: string;
}

/**
 * What a policy says of one proxy that comes to nothing there, so that no plan has it: of requests where the service or the
 * inbound speaks bytes, and of connections whose requests MeshHTTPRoutes lead. What is said of the whole mesh is not meant for these
 * in particular.
 */
export function idleRules(
  plan: ProxyPlan,
  policy: PolicyResource,
  selection: Selection,
): readonly IdleRule[] {
  if (selection.kind === "none" || selection.kind === "gateway") return [];
  const inbounds = plan.inbounds.filter(
    ({ section }) => selection.kind === "proxy" || selection.sections.has(section),
  );
  const calls = selection.kind === "proxy" || selection.outbounds;
  return [
    ...(calls ? plan.outbounds.flatMap((outbound) => ofCalls(outbound, policy)) : []),
    ...ofInbounds(inbounds, policy),
  ];
}

function ofCalls({ upstream }: OutboundPlan, policy: PolicyResource): readonly IdleRule[] {
  const { destination, policies } = upstream;
  const called = `${displayName(destination)}:${destination.port}`;
  const entries = () => outboundEntries([policy], destination).filter(({ target }) => target.kind !== "Mesh");
  if (policy.type === TCP_ROUTE) {
    const routes = (policies[HTTP_ROUTE] as HttpRoutesPlan | undefined)?.routes ?? [];
    const [first] = routes;
    if (first === undefined) return [];
    const message = `requests to ${called} go where MeshHTTPRoutes, such as ${first.policy}, lead them, so its rules have no effect`;
    return entries().map(({ index }) => ({ rule: `to[${index}]`, message }));
  }
  if (destination.protocol !== "tcp") return [];
  const isRoute = policy.type === HTTP_ROUTE;
  const part = isRoute ? "its rules have" : "its HTTP part has";
  const message = `${called} speaks tcp only, so ${part} no effect; ${protocolRemedy(destination.kind)}`;
  return entries()
    .filter(({ conf }) => isRoute || isAboutRequests(conf))
    .map(({ index }) => ({ rule: `to[${index}]`, message }));
}

function ofInbounds(inbounds: readonly InboundPlan[], policy: PolicyResource): readonly IdleRule[] {
  const isForMesh = (policy.spec.targetRef?.kind ?? "Mesh") === "Mesh";
  const isBytes = inbounds.length > 0 && inbounds.every(({ shared }) => shared.protocol === "tcp");
  if (isForMesh || !isBytes) return [];
  const sections = inbounds.map(({ section }) => section).join(", ");
  const message = `inbound ${sections} speaks tcp only, so its HTTP part has no effect; set its protocol`;
  return (["rules", "from"] as const).flatMap((block) =>
    (policy.spec[block] ?? []).flatMap(({ default: conf }, i) =>
      isAboutRequests(conf) ? [{ rule: `${block}[${i}]`, message }] : [],
    ),
  );
}
