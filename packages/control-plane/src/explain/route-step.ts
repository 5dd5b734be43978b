import type { Origin, OutboundPlan, ProxyPlan } from "@skein/policies";
import { redirectAnswer, sentRequest } from "@skein/policies/mesh-http-route/applied-filters";
import {
  changedHeaders,
  requestChanges,
  responseChanges,
} from "@skein/policies/mesh-http-route/applied-headers";
import { matchText } from "@skein/policies/mesh-http-route/match-text";
import { routeFor } from "@skein/policies/mesh-http-route/matches-request";
import type { HttpRoutePlan, HttpRoutesPlan } from "@skein/policies/mesh-http-route/plan";
import { type HttpRequest, normalizedPath } from "@skein/policies/mesh-http-route/request";
import type { TcpRoutePlan } from "@skein/policies/mesh-tcp-route/policy";
import { type Backend, ownBackend, sharesOf } from "./backends.ts";
import type { Answer, Copies, Hop, Question, ReturnedChanges, Sent } from "./explanation.ts";
import { copiesOf, filterFacts } from "./filter-facts.ts";

/** Which route takes the request, and what becomes of it there. */
export interface RouteChoice {
  readonly hop: Hop;
  /** KRI of the route's policy; absent for the route that takes what no policy is about. */
  readonly policy?: string;
  /** The rule whose match took the request. */
  readonly rule?: Origin;
  /** Empty where the caller's proxy answers by itself. */
  readonly backends: readonly Backend[];
  /** Set where the caller's proxy answers by itself, or closes the connection. */
  readonly end?: RouteEnd;
  /** What the application sees of the request; absent for bytes. */
  readonly sent?: Sent;
  /** What is changed in the headers of answers; absent where nothing is. */
  readonly returned?: ReturnedChanges;
  readonly copies?: readonly Copies[];
}

/** The end of a request in the caller's own proxy. */
export interface RouteEnd {
  readonly verdict: "redirected" | "no-backend" | "no-route" | "aborted";
  readonly decidedBy: Origin | undefined;
  /** Absent for bytes. */
  readonly answer?: Answer;
}

/** The route of a request on an outbound, decided on the plan as Envoy decides it on the configuration. */
export function routeStep(outbound: OutboundPlan, source: ProxyPlan, question: Question): RouteChoice {
  const { destination, policies } = outbound.upstream;
  const isBytes = destination.protocol === "tcp";
  const request = requestOf(question, outbound);
  const routes = policies.MeshHTTPRoute as HttpRoutesPlan | undefined;
  const route = isBytes ? undefined : routes && routeFor(routes, request);
  if (route !== undefined) return byRoute(route, request, outbound, source);
  const split = policies.MeshTCPRoute as TcpRoutePlan | undefined;
  const sent = isBytes ? {} : { sent: { path: request.path } };
  if (split !== undefined) return { ...bySplit(split, isBytes, outbound, source), ...sent };
  const name = `${destination.name}:${destination.port}`;
  const others = routes?.routes.length ?? 0;
  return {
    hop: {
      at: "route",
      name: "default",
      outcome: "pass",
      text: isBytes
        ? `connections go to ${name}`
        : `${others === 0 ? "no route is about this request" : `none of ${others} matches takes this request`}: it goes to ${name}`,
      facts: [],
    },
    backends: [ownBackend(outbound)],
    ...sent,
  };
}

/** The request as the router sees it. HTTP has a host always: the outbound's address where nobody says another. */
function requestOf(
  { method = "GET", path = "/", headers = {} }: Question,
  outbound: OutboundPlan,
): HttpRequest {
  const host = `${outbound.address}:${outbound.port}`;
  return { method, path: normalizedPath(path), headers: { host, ...headers } };
}

/** What becomes of a request that a route takes. */
export function byRoute(
  route: HttpRoutePlan,
  request: HttpRequest,
  outbound: OutboundPlan,
  source: ProxyPlan,
): RouteChoice {
  const { policy, origin, origins, filters, match, backends } = route;
  const shares = backends && sharesOf(backends, outbound, source);
  const facts = [
    { name: "match", value: matchText(match), origin },
    ...filterFacts(route, outbound.upstream),
    ...(shares?.facts ?? []),
  ];
  const hop = (outcome: Hop["outcome"], text: string): Hop => ({
    at: "route",
    name: route.name,
    outcome,
    text: `${origin.rule} of ${policy} takes it: ${text}`,
    facts,
  });
  const answer = redirectAnswer(filters, match, request, request.headers.host ?? "");
  if (answer !== undefined) {
    return {
      hop: hop("stop", `it is redirected to ${answer.location}`),
      policy,
      rule: origin,
      backends: [],
      end: { verdict: "redirected", decidedBy: origins.filters, answer },
    };
  }
  if (shares?.live.length === 0) {
    return {
      hop: hop("stop", "no backend of it can be served"),
      policy,
      rule: origin,
      backends: [],
      end: { verdict: "no-backend", decidedBy: origins.backendRefs, answer: { status: 503 } },
    };
  }
  const live = shares?.live ?? [ownBackend(outbound)];
  const dead = (shares?.facts.length ?? live.length) - live.length;
  return {
    hop: hop(dead > 0 ? "warn" : "pass", `${goesTo(live)}${dead > 0 ? "; the others get nothing" : ""}`),
    policy,
    rule: origin,
    backends: live,
    sent: sentBy(route, request),
    ...returnedBy(route),
    copies: copiesOf(route, outbound.upstream),
  };
}

function sentBy({ filters, match }: HttpRoutePlan, request: HttpRequest): Sent {
  const headers = changedHeaders(requestChanges(filters), request.headers);
  const sent = sentRequest(filters, match, request);
  return Object.keys(headers).length === 0 ? sent : { ...sent, headers };
}

function returnedBy({ filters }: HttpRoutePlan): Pick<RouteChoice, "returned"> {
  const returned = responseChanges(filters);
  return Object.values(returned).every((each) => each.length === 0) ? {} : { returned };
}

/** What becomes of connections, or of requests that no HTTPRoute is about, by a MeshTCPRoute. */
export function bySplit(
  { backends }: TcpRoutePlan,
  isBytes: boolean,
  outbound: OutboundPlan,
  source: ProxyPlan,
): RouteChoice {
  const { live, facts } = sharesOf(backends, outbound, source);
  const [first] = backends;
  const rule = first && {
    policy: first.origin.policy,
    rule: first.origin.rule.replace(/\.default\..*$/, ""),
  };
  const by = rule === undefined ? "a MeshTCPRoute" : `${rule.rule} of ${rule.policy}`;
  const hop = (outcome: Hop["outcome"], text: string): Hop => ({
    at: "route",
    name: rule?.policy ?? "default",
    outcome,
    text: `${by} shares out ${isBytes ? "connections" : "requests"}: ${text}`,
    facts,
  });
  const about = rule === undefined ? {} : { rule };
  if (live.length === 0) {
    const answer = isBytes ? {} : { answer: { status: 503 } };
    return {
      hop: hop("stop", "no backend of it can be served"),
      ...about,
      backends: [],
      end: { verdict: "no-backend", decidedBy: rule, ...answer },
    };
  }
  return { hop: hop(live.length < facts.length ? "warn" : "pass", goesTo(live)), ...about, backends: live };
}

function goesTo(live: readonly Backend[]): string {
  return live
    .map(({ share, upstream: { destination } }) => `${share}% to ${destination.name}:${destination.port}`)
    .join(", ");
}
