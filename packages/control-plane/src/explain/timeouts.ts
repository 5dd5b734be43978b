import { durationMs } from "@skein/model";
import type { Caller, Merged, PolicyPlans, Protocol, UpstreamPlan } from "@skein/policies";
import { forRoute } from "@skein/policies/engine/by-route";
import {
  type BuiltInTimeouts,
  GATEWAY_TIMEOUTS,
  INBOUND_TIMEOUTS,
  OUTBOUND_TIMEOUTS,
} from "@skein/policies/mesh-timeout/built-in";
import { meshTimeout } from "@skein/policies/mesh-timeout/policy";
import { matchesCaller } from "@skein/policies/mesh-traffic-permission/verdict";
import type { Backend } from "./backends.ts";
import type { Fact, Limits } from "./explanation.ts";
import { factOr, factsOf } from "./facts.ts";

/**
 * Timeouts between a caller's proxy and a backend: of requests, and of connections as a listener sees them, what holds for
 * the destination that was called; of a cluster's connections what holds for the backend itself.
 */
export function outboundTimeouts(
  { called, upstream, fromGateway }: Pick<Backend, "called" | "upstream" | "fromGateway">,
  route: string | undefined,
): readonly Fact[] {
  const entry = ({ policies }: UpstreamPlan) =>
    policies[meshTimeout.kind.type] as Parameters<typeof forRoute>[0];
  const { protocol } = called.destination;
  const builtIn = fromGateway === true ? GATEWAY_TIMEOUTS : OUTBOUND_TIMEOUTS;
  if (protocol === "tcp") {
    return [
      factOr(entry(upstream), "connectionTimeout", OUTBOUND_TIMEOUTS.connection),
      factOr(entry(called), "idleTimeout", OUTBOUND_TIMEOUTS.idle),
    ];
  }
  const perRequest = forRoute(entry(called), route === undefined ? {} : { policy: route });
  const facts = timeouts(perRequest, entry(upstream), builtIn, protocol);
  const headers = factsOf(entry(called)).filter(({ name }) => name === HEADERS);
  return [...facts.filter(({ name }) => name !== HEADERS), ...headers];
}

/** The one limit of a listener for requests. */
const HEADERS = "http.requestHeadersTimeout";

/** Timeouts between a called proxy and its application; what depends on the caller, for this caller. */
export function inboundTimeouts(
  policies: PolicyPlans,
  protocol: Protocol,
  caller: Caller | undefined,
): readonly Fact[] {
  const plan = policies[meshTimeout.kind.type] as InboundEntry | undefined;
  const own = caller && plan?.callers?.find(({ match }) => matchesCaller(match, caller));
  return timeouts(own ?? plan, plan, INBOUND_TIMEOUTS, protocol);
}

interface InboundEntry extends Merged<unknown> {
  readonly callers?: readonly ({ readonly match: Parameters<typeof matchesCaller>[0] } & Merged<unknown>)[];
}

/** What ends a request or connection first, over all hops. */
export function limitsOf(facts: readonly Fact[]): Limits {
  const least = (...names: readonly string[]): number | undefined => {
    const values = facts.filter(({ name }) => names.includes(name)).map(({ value }) => durationMs(value));
    const set = values.filter((value) => value > 0);
    return set.length === 0 ? undefined : Math.min(...set);
  };
  const requestMs = least("http.requestTimeout", "http.streamIdleTimeout", "http.maxStreamDuration");
  const connectMs = least("connectionTimeout");
  const idleMs = least("idleTimeout");
  return {
    ...(requestMs === undefined ? {} : { requestMs }),
    ...(connectMs === undefined ? {} : { connectMs }),
    ...(idleMs === undefined ? {} : { idleMs }),
  };
}

function timeouts(
  perRequest: Merged<unknown> | undefined,
  perConnection: Merged<unknown> | undefined,
  builtIn: BuiltInTimeouts,
  protocol: Protocol,
): readonly Fact[] {
  const connection = [
    factOr(perConnection, "connectionTimeout", builtIn.connection),
    factOr(perConnection, "idleTimeout", builtIn.idle),
  ];
  if (protocol === "tcp") return connection;
  const known = ["connectionTimeout", "idleTimeout", "http.requestTimeout", "http.streamIdleTimeout"];
  return [
    ...connection,
    factOr(perRequest, "http.requestTimeout", builtIn.request),
    factOr(perRequest, "http.streamIdleTimeout", builtIn.streamIdle),
    ...factsOf(perConnection).filter(({ name }) => !known.includes(name)),
  ];
}
