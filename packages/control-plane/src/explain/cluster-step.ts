import { type DestinationPlan, meshCircuitBreaker, planOf } from "@skein/policies";
import type { Backend } from "./backends.ts";
import type { Fact, Hop, Remedy } from "./explanation.ts";
import { factsOf, plainFact } from "./facts.ts";
import { shown } from "./find-source.ts";
import type { Instance } from "./instances.ts";
import { otherPolicies } from "./other-policies.ts";
import { retryFacts } from "./retries.ts";
import { outboundTimeouts } from "./timeouts.ts";

/** What the caller's proxy does on its way to a destination. */
export interface ClusterChoice {
  readonly hop: Hop;
  readonly remedy?: Remedy;
}

/** What Envoy allows at a time where nobody says otherwise. */
const BUILT_IN_LIMITS = "1024 connections, pending requests and requests, 3 retries (Envoy's own)";

/** Endpoints, load balancing, limits, timeouts and retries towards one backend. */
export function clusterStep(
  backend: Backend,
  instances: readonly Instance[],
  route: string | undefined,
): ClusterChoice {
  const { upstream } = backend;
  const { destination } = upstream;
  const ready = instances.filter((instance) => instance.ready);
  const away = instances.filter((instance) => !instance.ready).map(({ plan }) => plan.name);
  const name = `${destination.name}:${destination.port}`;
  const facts: readonly Fact[] = [
    plainFact("endpoints", endpointsText(ready, instances.length)),
    ...callFacts(backend, route),
  ];
  if (ready.length > 0) {
    const missing = away.length === 0 ? "" : `; ${shown(away)} not ready`;
    return {
      hop: {
        at: "cluster",
        name: upstream.clusterName,
        outcome: "pass",
        text:
          destination.kind === "MeshExternalService"
            ? `${name} is called through a zone egress: ${ready.length} of ${instances.length} ready${missing}`
            : `${ready.length} of ${instances.length} instances of ${name} ready${missing}`,
        facts,
      },
    };
  }
  return {
    hop: {
      at: "cluster",
      name: upstream.clusterName,
      outcome: "stop",
      text:
        instances.length === 0
          ? `${name} has no instances: ${noneFound(destination.kind)}`
          : `none of the ${instances.length} instances of ${name} is ready: ${shown(away)}`,
      facts,
    },
    remedy: {
      text:
        instances.length === 0
          ? `start an instance of ${destination.name}, or correct ${selectorOf(destination.kind)}`
          : "look at the health of these instances: state and health.ready of their inbounds",
    },
  };
}

function noneFound(kind: DestinationPlan["kind"]): string {
  return kind === "MeshMultiZoneService"
    ? "no MeshService that it matches has an instance behind this port"
    : "its selector finds no inbound with its target port";
}

function selectorOf(kind: DestinationPlan["kind"]): string {
  return kind === "MeshMultiZoneService"
    ? "spec.selector and the port numbers of the MeshMultiZoneService"
    : "spec.selector and targetPort of the MeshService";
}

/** What policies say of the calls to one backend. */
export function callFacts(backend: Backend, route: string | undefined): readonly Fact[] {
  const { upstream, called } = backend;
  const { policies } = upstream;
  return [
    plainFact(
      "load balancing",
      policies.MeshLoadBalancingStrategy === undefined ? "round robin" : "by policy",
    ),
    ...outboundTimeouts(backend, route),
    ...retryFacts(called.policies, called.destination.protocol, route),
    ...breakerFacts(policies),
    ...otherPolicies(policies),
  ];
}

function endpointsText(ready: readonly Instance[], all: number): string {
  const byZone = Map.groupBy(ready, ({ zone }) => zone);
  const zones = [...byZone].map(([zone, list]) => `${list.length} in ${zone}`);
  return `${ready.length}/${all}${zones.length === 0 ? "" : ` (${zones.join(", ")})`}`;
}

/** Limits and ejection of a cluster. */
export function breakerFacts(policies: Backend["upstream"]["policies"]): readonly Fact[] {
  const facts = factsOf(planOf(meshCircuitBreaker, policies));
  return facts.length === 0 ? [plainFact("circuit breaker", BUILT_IN_LIMITS)] : facts;
}
