import { gatewayRoutes, type PolicyResource, policyKri, select } from "@skein/policies";
import { gatewayEntries, outboundEntries, type ToEntry } from "@skein/policies/engine/rules";
import type { HttpMatch } from "@skein/policies/mesh-http-route/conf";
import { covers } from "@skein/policies/mesh-http-route/covers";
import { matchText } from "@skein/policies/mesh-http-route/match-text";
import type { HttpRoutePlan, HttpRoutesPlan } from "@skein/policies/mesh-http-route/plan";
import { meshHttpRoute } from "@skein/policies/mesh-http-route/policy";
import { meshTcpRoute, type TcpRoutePlan } from "@skein/policies/mesh-tcp-route/policy";
import { gatewayParts } from "../plan/gateways/parts.ts";
import { selectable } from "../view/selectable.ts";
import { idleRules } from "../warnings/idle-rules.ts";
import { deadReferences, missingRoutes } from "../warnings/route.ts";
import { type Finding, finding } from "./finding.ts";
import { ruleKey } from "./places.ts";
import type { Scope } from "./scope.ts";

/** SK0204: shares and copies that nobody gets. */
export function routesToNothing({ policies, callables, dataplanes }: Scope): readonly Finding[] {
  return policies.flatMap((policy) =>
    deadReferences(policy, callables, dataplanes).map(({ path, problem }) =>
      finding("SK0204", policy, path, `${problem}, so nothing is sent there`),
    ),
  );
}

/** SK0205: rules about routes that are not there. */
export function missingRouteTargets({ policies }: Scope): readonly Finding[] {
  const routes = policies.filter(({ type }) => type === meshHttpRoute.kind.type);
  return policies.flatMap((policy) =>
    missingRoutes(policy, routes).map(({ path, problem }) =>
      finding("SK0205", policy, path, `${problem}, so this has no effect`),
    ),
  );
}

/** SK0208: entries of MeshTCPRoutes that decide nothing at any destination, because MeshHTTPRoutes lead the requests there. */
export function routesPutAside({ policies, dataplanes, gateways, plans }: Scope): readonly Finding[] {
  const { type, shortName = "" } = meshTcpRoute.kind;
  const routes = policies.filter((policy) => policy.type === type);
  if (routes.length === 0) return [];
  const deciding = new Set<string>();
  for (const { outbounds } of plans.values()) {
    for (const { upstream } of outbounds) {
      const { backends = [] } = (upstream.policies[type] as TcpRoutePlan | undefined) ?? {};
      for (const { origin } of backends) deciding.add(`${origin.policy} ${origin.rule.replace(/\..*/, "")}`);
    }
  }
  return routes.flatMap((policy) => {
    const idle = new Map<string, string>();
    for (const dataplane of dataplanes) {
      const plan = plans.get(dataplane.name);
      if (plan === undefined) continue;
      const selection = select(policy, selectable(dataplane, gateways));
      for (const { rule, message } of idleRules(plan, policy, selection)) idle.set(rule, message);
    }
    return [...idle]
      .filter(([rule]) => !deciding.has(`${policyKri(policy, shortName)} ${rule}`))
      .map(([rule, message]) => finding("SK0208", policy, `spec.${rule}`, message));
  });
}

/** SK0104: rules of MeshHTTPRoutes that take no request at any destination, because others come before them. */
export function unreachedRules(scope: Scope): readonly Finding[] {
  const alive = new Set<string>();
  const hidden = new Map<
    string,
    { readonly policy: PolicyResource; readonly path: string; readonly why: string }
  >();
  for (const { lists, entries } of routedPlaces(scope)) {
    const reached = new Set(lists.flatMap((routes) => [...reachedRules(routes)]));
    for (const key of reached) alive.add(key);
    for (const { policy, conf, index } of entries()) {
      for (const [i, rule] of (conf as readonly RouteRule[]).entries()) {
        const path = `to[${index}].rules[${i}]`;
        const key = ruleKey({ policy: policyKri(policy, meshHttpRoute.kind.shortName ?? ""), rule: path });
        if (!reached.has(key)) hidden.set(key, { policy, path, why: whyHidden(rule, lists.flat()) });
      }
    }
  }
  return [...hidden]
    .filter(([key]) => !alive.has(key))
    .map(([, { policy, path, why }]) => finding("SK0104", policy, `spec.${path}`, why));
}

type RouteRule = { readonly matches?: readonly HttpMatch[] };

/** A destination, or a listener of a gateway, with what MeshHTTPRoutes say of it. */
interface RoutedPlace {
  /** Routes in the order in which they are tried; a listener has such a list for each host name. */
  readonly lists: readonly (readonly HttpRoutePlan[])[];
  /** The entries that are about it. */
  readonly entries: () => readonly ToEntry[];
}

/** Every such place; callers and gateways that are alike count once. */
function* routedPlaces(scope: Scope): Generator<RoutedPlace> {
  const { type } = meshHttpRoute.kind;
  const done = new Set<unknown>();
  for (const [name, plan] of scope.plans) {
    const sets = scope.mesh.index.policies.at(name).get();
    for (const { upstream } of plan.outbounds) {
      const entry = upstream.policies[type] as HttpRoutesPlan | undefined;
      if (entry === undefined || done.has(entry)) continue;
      done.add(entry);
      const own = sets.outbound.byKind.get(type) ?? [];
      yield { lists: [entry.routes], entries: () => outboundEntries(own, upstream.destination) };
    }
    for (const { port, host } of gatewayParts(plan)) {
      const own = sets.gateway.get(host.section)?.byKind.get(type);
      if (own === undefined || host.virtualHosts.length === 0 || done.has(host.virtualHosts)) continue;
      done.add(host.virtualHosts);
      const onPort = port.chains.flatMap(({ hosts }) => hosts.map(({ hostname }) => hostname));
      yield {
        lists: host.virtualHosts.map(({ routes }) => routes),
        entries: () => servedEntries(own, host.hostname, onPort),
      };
    }
  }
}

/** The entries of routes that take requests of a listener: those that name hosts may be about others. */
function servedEntries(
  policies: readonly PolicyResource[],
  hostname: string,
  onPort: readonly string[],
): readonly ToEntry[] {
  const { asked } = gatewayRoutes(policies, hostname, onPort);
  return gatewayEntries(policies).filter((entry) => {
    const kri = policyKri(entry.policy, meshHttpRoute.kind.shortName ?? "");
    const names = asked.filter(
      ({ origin }) => origin.policy === kri && origin.rule.startsWith(`to[${entry.index}].`),
    );
    return names.length === 0 || names.some(({ isServed }) => isServed);
  });
}

/** The rules of which something takes requests. */
function reachedRules(routes: readonly HttpRoutePlan[]): ReadonlySet<string> {
  const reached = new Set<string>();
  for (const [i, { match, origin, origins }] of routes.entries()) {
    if (routes.slice(0, i).some((other) => covers(other.match, match))) continue;
    for (const each of [origin, ...Object.values(origins)]) reached.add(ruleKey(each));
  }
  return reached;
}

/** Of a rule that takes no request: what comes before it. */
function whyHidden({ matches = [] }: RouteRule, routes: readonly HttpRoutePlan[]): string {
  const before = routes.find(({ match }) =>
    matches.some((each) => covers(match, each) && !covers(each, match)),
  );
  return before === undefined
    ? "rules with the same matches and a higher precedence set all that it sets"
    : reasonOf(before);
}

function reasonOf({ match, origin: { policy, rule } }: HttpRoutePlan): string {
  return `no request gets this far: ${matchText(match)} of ${policy} ${rule} comes before it and takes them all`;
}
