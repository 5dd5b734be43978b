import type { DestinationKey, OutboundPlan, ProxyPlan, UpstreamPlan } from "@skein/policies";
import type { Hop, Question } from "./explanation.ts";

/** One destination that a route sends requests to. */
export interface Backend {
  readonly target: DestinationKey;
  readonly upstream: UpstreamPlan;
  /** Share of the requests, in percent. */
  readonly share: number;
}

/** Which route takes the request. */
export interface RouteChoice {
  readonly hop: Hop;
  /** KRI of the route's policy; absent for the route that takes what no policy is about. */
  readonly policy?: string;
  /** Empty where the route answers by itself, or nothing takes the request. */
  readonly backends: readonly Backend[];
}

/**
 * The route of a request on an outbound. Without routes of policies everything goes to the outbound's own destination;
 * a policy that plans routes is asked here first.
 */
export function routeStep(outbound: OutboundPlan, _source: ProxyPlan, _question: Question): RouteChoice {
  const { destination } = outbound.upstream;
  const name = `${destination.name}:${destination.port}`;
  return {
    hop: {
      at: "route",
      name: "default",
      outcome: "pass",
      text:
        destination.protocol === "tcp"
          ? `connections go to ${name}`
          : `no route is about this request: it goes to ${name}`,
      facts: [],
    },
    backends: [{ target: outbound.target, upstream: outbound.upstream, share: 100 }],
  };
}
