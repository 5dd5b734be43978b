import type { Merged, PolicyPlans, ProxyPlan } from "@skein/policies";
import { type ByRoute, forRoute } from "@skein/policies/engine/by-route";
import type { MeshRateLimitConf } from "@skein/policies/mesh-rate-limit/conf";
import { meshRateLimit } from "@skein/policies/mesh-rate-limit/policy";
import { LISTENER_TIMEOUTS } from "@skein/policies/mesh-timeout/built-in";
import { meshTimeout } from "@skein/policies/mesh-timeout/policy";
import type { Attempt, Fact, Hop } from "./explanation.ts";
import { factOr, factsOf, plainFact } from "./facts.ts";
import { faultsFor } from "./faults.ts";
import type { Entry } from "./gateway-entry.ts";
import { otherPolicies } from "./other-policies.ts";
import { rateLimitFacts } from "./rate-limits.ts";
import type { RouteEnd } from "./route-step.ts";

/** What a gateway does with a client's request before it looks for a route. */
export interface GatewayChoice {
  readonly hop: Hop;
  /** How requests end there, or go on. */
  readonly attempts: readonly Attempt[];
  /** Set where it answers every request itself. */
  readonly end?: RouteEnd;
}

/**
 * The listener that a client reaches: who may wait how long, how many may come, what is made to fail.
 * @param route KRI of the policy of the route that takes the request
 */
export function gatewayStep(source: ProxyPlan, entry: Entry, route: string | undefined): GatewayChoice {
  const { port, chain, host, hostname } = entry;
  const isBytes = host.connections !== undefined;
  const policies = ofRoute(host.policies, route);
  const protocol = isBytes ? "tcp" : "http";
  const { facts: faults, aborted, attempts } = faultsFor(policies, { certificate: undefined, tags: "" });
  const where = `${source.name} takes it at ${port.address}:${port.port} (${port.protocol})`;
  const what = isBytes ? where : `${where} for ${hostname}, by listener ${host.section}`;
  const hop: Hop = {
    at: "gateway",
    name: port.listenerName,
    outcome: aborted !== undefined ? "stop" : faults.length > 0 ? "warn" : "pass",
    text:
      aborted !== undefined
        ? `a fault aborts every request to listener ${host.section} with ${aborted.status}`
        : faults.length > 0
          ? `${what}, and a MeshFaultInjection interferes on purpose`
          : what,
    facts: [
      plainFact("client TLS", tlsText(entry)),
      ...clientTimeouts(chain.policies, isBytes),
      ...faults,
      ...rateLimitFacts(policies, protocol, undefined),
      ...otherPolicies(host.policies),
    ],
  };
  if (aborted === undefined) return { hop, attempts };
  return {
    ...{ hop, attempts },
    end: { verdict: "aborted", decidedBy: aborted.origin, answer: { status: aborted.status } },
  };
}

function tlsText({ port: { protocol }, chain: { certificates } }: Entry): string {
  if (certificates !== undefined) return `ends here, with ${certificates.join(", ")}`;
  return protocol === "TLS" ? "is passed on" : "none";
}

/** What holds for the listener, and for one of its routes where a policy names that. */
function ofRoute(policies: PolicyPlans, route: string | undefined): PolicyPlans {
  const { type } = meshRateLimit.kind;
  const limits = policies[type] as ByRoute<MeshRateLimitConf> | undefined;
  const own = forRoute(limits, route === undefined ? {} : { policy: route });
  return own === undefined ? policies : { ...policies, [type]: { conf: own.conf, origins: own.origins } };
}

/** Said under names of their own: they are not about the calls that follow. */
function clientTimeouts(policies: PolicyPlans, isBytes: boolean): readonly Fact[] {
  const entry = policies[meshTimeout.kind.type] as Merged<unknown> | undefined;
  const fact = (name: string, builtIn: string): Fact => {
    const { value, origin } = factOr(entry, name, builtIn);
    return { name: `client ${name}`, value, ...(origin === undefined ? {} : { origin }) };
  };
  const idle = fact("idleTimeout", LISTENER_TIMEOUTS.idle);
  if (isBytes) return [idle];
  const request = factsOf(entry).find(({ name }) => name === "http.requestTimeout");
  return [
    idle,
    fact("http.requestHeadersTimeout", LISTENER_TIMEOUTS.requestHeaders),
    fact("http.streamIdleTimeout", LISTENER_TIMEOUTS.streamIdle),
    ...(request === undefined ? [] : [{ ...request, name: `client ${request.name}` }]),
  ];
}
