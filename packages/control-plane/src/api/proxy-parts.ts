import { isDeepStrictEqual } from "node:util";
import { formatKri, parseKri } from "@skein/model";
import type { DestinationPlan } from "@skein/policies/plan/destination-plan";
import type { PolicyPlans } from "@skein/policies/plan/origin";
import type { ProxyPlan } from "@skein/policies/plan/proxy-plan";
import { type GatewayPart, gatewayParts } from "../plan/gateways/parts.ts";

/** What others call at a proxy: an inbound, or a listener of a gateway. */
export interface CalledPart {
  readonly section: string;
  readonly kri: string;
  readonly port: number;
  readonly protocol: string;
  readonly resourceName: string;
  readonly policies: PolicyPlans;
}

/** The inbounds of a proxy, and the listeners of a gateway. */
export function inboundParts(plan: ProxyPlan): readonly CalledPart[] {
  const inbounds = plan.inbounds.map(({ section, kri, port, shared }) => ({
    ...{ section, kri, port, policies: shared.policies, protocol: shared.protocol },
    resourceName: `self_inbound_dp_${section}`,
  }));
  const listeners = gatewayParts(plan).map(({ port, host: { section }, policies }) => ({
    ...{ section, policies, kri: withSection(plan.kri, section), port: port.port },
    protocol: port.protocol.toLowerCase(),
    resourceName: port.listenerName,
  }));
  return [...inbounds, ...listeners];
}

/** The listeners by which others leave the mesh. Whatever one leads to, the same policies are about it. */
export function egressParts({ egresses = [] }: ProxyPlan): readonly Omit<CalledPart, "protocol">[] {
  return egresses.map(({ section, kri, port, listenerName, chains: [first] }) => ({
    ...{ section, kri, port, resourceName: listenerName, policies: first?.policies ?? {} },
  }));
}

/** The destinations of a proxy's outbounds, and those that a gateway's routes lead to; each once. */
export function destinationsOf(plan: ProxyPlan): readonly DestinationPlan[] {
  const ways = plan.gateway === undefined ? plan.outbounds : plan.backends;
  return [...new Map(ways.map(({ upstream: { destination } }) => [destination.kri, destination])).values()];
}

/**
 * What policies say of the calls to a destination; `undefined` where the proxy does not call it. Listeners of a gateway
 * whose policies differ reach it in ways of their own, which are one entry each.
 */
export function callsTo(plan: ProxyPlan, kri: string): readonly PolicyPlans[] | undefined {
  const ways = plan.gateway === undefined ? plan.outbounds : plan.backends;
  const found = ways.filter(({ upstream }) => upstream.destination.kri === kri);
  if (found.length === 0) return undefined;
  if (plan.gateway === undefined) return found.slice(0, 1).map(({ upstream }) => upstream.policies);
  const leading = gatewayParts(plan).filter((part) => leadsTo(part, kri));
  const entries = leading.map(({ host: { calls } }) => calls.byDestination[kri] ?? calls.shared ?? {});
  const distinct = entries.filter(
    (each, i) => !entries.slice(0, i).some((one) => isDeepStrictEqual(one, each)),
  );
  const routes = leading.map((part) => routesTo(part, kri)).filter((each) => Object.keys(each).length > 0);
  return [...distinct, ...routes];
}

function leadsTo({ host: { backends } }: GatewayPart, kri: string): boolean {
  return Object.values(backends).some(
    (backend) => backend.kind === "resolved" && backend.destination.kri === kri,
  );
}

/** The routes of a listener that lead to a destination, as the entries of other proxies have them. */
function routesTo({ host }: GatewayPart, kri: string): PolicyPlans {
  const isThere = ({ key }: { readonly key: string }): boolean => {
    const backend = host.backends[key];
    return backend?.kind === "resolved" && backend.destination.kri === kri;
  };
  const { references, connections } = host;
  const routes = host.virtualHosts
    .flatMap((virtual) => virtual.routes)
    .filter(({ backends = [] }) => backends.some(isThere));
  return {
    ...(routes.length === 0 ? {} : { MeshHTTPRoute: { routes, references } }),
    ...(connections?.backends.some(isThere) === true ? { MeshTCPRoute: connections } : {}),
  };
}

function withSection(text: string, section: string): string {
  const kri = parseKri(text);
  return kri === undefined ? text : formatKri({ ...kri, section });
}
