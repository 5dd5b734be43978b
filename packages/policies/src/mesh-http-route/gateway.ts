import type { BackendReference } from "../definition.ts";
import { commonHosts, compareHosts, covers, type HostPattern, ownerOf } from "../engine/hostnames.ts";
import type { PolicyResource } from "../engine/policy-resource.ts";
import { gatewayEntries, policyKri, type ToEntry } from "../engine/rules.ts";
import type { GatewayVirtualHostPlan } from "../plan/gateway-plan.ts";
import type { Origin } from "../plan/origin.ts";
import type { HttpRoutePlan } from "./plan.ts";
import { mergedRoutes } from "./policy.ts";
import { takesAll } from "./precedence.ts";

const SHORT = "mhttpr";

/** What MeshHTTPRoutes say of one listener of a built-in gateway. */
export interface GatewayRoutes {
  /** The most specific first; the listener's own host name is always among them. */
  readonly virtualHosts: readonly GatewayVirtualHostPlan[];
  readonly references: readonly BackendReference[];
  /** The host names that routes give, and whether there are hosts among them that are the listener's. */
  readonly asked: readonly AskedHost[];
}

/** A host name of a route. */
export interface AskedHost {
  readonly hostname: HostPattern;
  readonly origin: Origin;
  readonly isServed: boolean;
}

/** An entry of a route, and the hosts for which it counts at a listener. */
interface Attached {
  readonly entry: ToEntry;
  readonly hosts: HostPattern;
}

/**
 * The routes of a listener by host name. A route without host names is about all of the listener's. What a rule for a
 * name leaves open falls to the rules for the wildcards around it. A listener gets the hosts for which no other one of
 * its port is more specific. @param policies MeshHTTPRoutes that select the listener
 * @param onPort the host names of all listeners of the port
 */
export function gatewayRoutes(
  policies: readonly PolicyResource[],
  hostname: HostPattern,
  onPort: readonly HostPattern[],
): GatewayRoutes {
  const attached: Attached[] = [];
  const asked: AskedHost[] = [];
  for (const entry of gatewayEntries(policies)) {
    for (const [i, wanted] of hostnamesOf(entry).entries()) {
      const hosts = commonHosts(wanted ?? hostname, hostname);
      const isServed = hosts !== undefined && ownerOf(hosts, onPort) === hostname;
      if (isServed) attached.push({ entry, hosts });
      if (wanted !== undefined) asked.push({ hostname: wanted, origin: placeOf(entry, i), isServed });
    }
  }
  const references = new Map<string, BackendReference>();
  const names = new Set([hostname, ...attached.map(({ hosts }) => hosts)]);
  const virtualHosts = [...names].sort(compareHosts).map((name) => ({
    hostname: name,
    routes: routesFor(name, attached, references),
  }));
  return { virtualHosts, references: [...references.values()], asked };
}

/** Rules for fewer hosts are tried before rules for more. */
function routesFor(
  name: HostPattern,
  attached: readonly Attached[],
  references: Map<string, BackendReference>,
): readonly HttpRoutePlan[] {
  const byHosts = Map.groupBy(
    attached.filter(({ hosts }) => covers(hosts, name)),
    ({ hosts }) => hosts,
  );
  const routes: HttpRoutePlan[] = [];
  for (const hosts of [...byHosts.keys()].sort(compareHosts)) {
    const merged = mergedRoutes((byHosts.get(hosts) ?? []).map(({ entry }) => entry));
    for (const reference of merged?.references ?? []) references.set(reference.key, reference);
    routes.push(...(merged?.routes ?? []));
  }
  const last = routes.findIndex(({ match }) => takesAll(match));
  return last === -1 ? routes : routes.slice(0, last + 1);
}

/** `undefined` stands for those of the listener. */
function hostnamesOf({ policy, index }: ToEntry): readonly (HostPattern | undefined)[] {
  const { hostnames = [] } = (policy.spec.to?.[index] ?? {}) as { readonly hostnames?: readonly string[] };
  return hostnames.length === 0 ? [undefined] : hostnames.map((each) => each.toLowerCase());
}

function placeOf({ policy, index }: ToEntry, i: number): Origin {
  return { policy: policyKri(policy, SHORT), rule: `to[${index}].hostnames[${i}]` };
}
