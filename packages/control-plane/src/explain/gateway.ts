import type { DataplaneResource } from "@skein/model";
import type { DestinationPlan, OutboundPlan, PolicyPlans, ProxyPlan, UpstreamPlan } from "@skein/policies";
import { liveBackends, type WeightedBackend } from "@skein/policies/engine/backends";
import { matchText } from "@skein/policies/mesh-http-route/match-text";
import { routeFor } from "@skein/policies/mesh-http-route/matches-request";
import type { HttpRoutePlan } from "@skein/policies/mesh-http-route/plan";
import { type HttpRequest, normalizedPath } from "@skein/policies/mesh-http-route/request";
import { type Outcome, success } from "../identity/outcome.ts";
import type { MeshWorld } from "../pipeline/world.ts";
import { namedDestination } from "../plan/destination-keys.ts";
import { concluded } from "./conclude.ts";
import type { Explanation, Question, QuestionProblem, Remedy } from "./explanation.ts";
import { plainFact } from "./facts.ts";
import { findDestination, type Target } from "./find-destination.ts";
import { allEntries, type Entry, entryFor, wordAndPort } from "./gateway-entry.ts";
import { gatewayStep } from "./gateway-step.ts";
import { byRoute, bySplit, type RouteChoice } from "./route-step.ts";
import { sourceStep } from "./source-step.ts";

/** What is asked about a gateway. */
export interface GatewayQuestion {
  readonly mesh: MeshWorld;
  readonly source: ProxyPlan;
  readonly workload: string;
  readonly question: Question;
  readonly dataplanes: readonly DataplaneResource[];
}

/**
 * What would happen to a request of a client outside. The destination is the host that the client names, or a service: then
 * the first host whose routes lead there is meant.
 */
export function explainAtGateway(asked: GatewayQuestion): Outcome<Explanation, QuestionProblem> {
  const { source, question } = asked;
  const { word, port } = wordAndPort(question);
  const target = findDestination(question, source, asked.mesh.index, asked.dataplanes);
  if (target.ok) return success(toService(asked, target.value));
  const entry = entryFor(source, word, port);
  // A service that is asked for wrongly is no host name either, unless the gateway takes every name.
  if (!entry.ok)
    return target.error.kind === "unknown" && target.error.field === "destination" ? entry : target;
  return success(at(asked, entry.value, { name: word, port: entry.value.port.port }, undefined));
}

/** The way of a request to a service: by the host of its header, else by the first whose routes lead there. */
function toService(asked: GatewayQuestion, target: Target): Explanation {
  const { source, question } = asked;
  const { host } = question.headers ?? {};
  const named = host === undefined ? undefined : entryFor(source, ...hostAndPort(host));
  const entries = named === undefined ? allEntries(source) : named.ok ? [named.value] : [];
  const leading = entries.filter((entry) => leadsTo(entry, question, target));
  const destination = { name: target.name, port: target.port };
  const [entry = entries[0]] = leading;
  if (entry !== undefined && (leading.length > 0 || named?.ok === true)) {
    return at(asked, entry, destination, target);
  }
  return nowhere(asked, target, named?.ok === false ? named.error.message : undefined);
}

function hostAndPort(host: string): readonly [hostname: string, port: number | undefined] {
  const { word, port } = wordAndPort({ destination: host });
  return [word, port];
}

function leadsTo(entry: Entry, question: Question, { key }: Target): boolean {
  const route = routeOf(entry, requestOf(entry, question));
  const shares = entry.host.connections?.backends ?? route?.backends ?? [];
  return shares.some(({ key: reference }) => {
    const backend = entry.host.backends[reference];
    return backend?.kind === "resolved" && backend.target === key;
  });
}

/** The rest of the way from where a client comes in. */
function at(
  { mesh, source, workload, question }: GatewayQuestion,
  entry: Entry,
  destination: { readonly name: string; readonly port: number },
  target: Target | undefined,
): Explanation {
  const isBytes = entry.host.connections !== undefined;
  const request = requestOf(entry, question);
  const route = isBytes ? undefined : routeOf(entry, request);
  const step = gatewayStep(source, entry, route?.policy);
  const choice: RouteChoice =
    step.end === undefined
      ? routeChoice(source, entry, route, request)
      : { hop: step.hop, backends: [], end: step.end };
  const from = sourceStep(source);
  return concluded({
    ...{ mesh, source, workload, question, destination },
    protocol: isBytes ? "tcp" : "http",
    route: choice,
    hops: step.end === undefined ? [from, step.hop] : [from],
    before: step.attempts,
    only: (backend) => (backend.target === target?.key ? target.only : undefined),
  });
}

function routeOf({ routes }: Entry, request: HttpRequest): HttpRoutePlan | undefined {
  return routeFor({ routes, isTotal: false, policies: [], references: [] }, request);
}

function requestOf({ hostname }: Entry, { method = "GET", path = "/", headers = {} }: Question): HttpRequest {
  return { method, path: normalizedPath(path), headers: { host: hostname, ...headers } };
}

function routeChoice(
  source: ProxyPlan,
  entry: Entry,
  route: HttpRoutePlan | undefined,
  request: HttpRequest,
): RouteChoice {
  const { connections } = entry.host;
  if (connections !== undefined) {
    return bySplit(connections, true, outboundOf(entry, connections.backends), source);
  }
  if (route !== undefined) return byRoute(route, request, outboundOf(entry, route.backends ?? []), source);
  const tried = entry.routes.map(({ match }) => matchText(match));
  return {
    hop: {
      at: "route",
      name: "none",
      outcome: "stop",
      text:
        tried.length === 0
          ? `no MeshHTTPRoute is about ${entry.hostname}, so it is answered with 404`
          : `none of ${tried.length} routes of ${entry.hostname} takes this request, so it is answered with 404`,
      facts: tried.map((text) => plainFact("tried", text)),
    },
    backends: [],
    end: { verdict: "no-route", decidedBy: undefined, answer: { status: 404 } },
  };
}

/** A route of a gateway as an outbound has it: what it calls has what policies say of all that it leads to. */
function outboundOf({ port, chain, host }: Entry, shares: readonly WeightedBackend[]): OutboundPlan {
  const live = liveBackends(shares, host.backends).map(({ destination }) => destination);
  const [only, ...others] = new Map(live.map((each) => [each.kri, each])).values();
  const isAlone = only !== undefined && others.length === 0;
  const policies: PolicyPlans = (isAlone ? host.calls.byDestination[only.kri] : host.calls.shared) ?? {};
  const called: UpstreamPlan = {
    destination: isAlone ? only : { ...NOBODY, protocol: host.connections === undefined ? "http" : "tcp" },
    ...{ clusterName: "", tls: undefined, policies, backends: host.backends },
    ...(chain.callerTags === undefined ? {} : { callerTags: chain.callerTags }),
  };
  const { listenerName, address } = port;
  return { listenerName, address, port: port.port, target: "|0", upstream: called };
}

/** What is called where several are. */
const NOBODY: Omit<DestinationPlan, "protocol"> = {
  ...{ kind: "MeshService", mesh: "", name: "", kri: "", labels: {}, port: 0, portName: "" },
  ...{ sni: "", serverIds: [], legacyName: "", routeName: "" },
};

/** No way in leads to the service. */
function nowhere(
  { mesh, source, workload, question }: GatewayQuestion,
  target: Target,
  why: string | undefined,
): Explanation {
  const destination = { name: target.name, port: target.port };
  const method = question.method ?? "GET";
  const answer = concluded({
    ...{ mesh, source, workload, question, destination },
    protocol: "http",
    route: {
      hop: {
        at: "route",
        name: "none",
        outcome: "stop",
        text:
          why ??
          `no route of ${source.gateway?.name ?? source.name} leads ${method} ${question.path ?? "/"} to ${destination.name}:${destination.port}`,
        facts: allEntries(source).map(({ port, hostname }) =>
          plainFact("listens for", `${hostname}:${port.port}`),
        ),
      },
      backends: [],
      end: { verdict: "no-route", decidedBy: undefined, answer: { status: 404 } },
    },
    hops: [sourceStep(source)],
    only: () => undefined,
  });
  return { ...answer, remedy: routeRemedy(source.gateway?.name ?? source.name, target) };
}

/** A route that sends requests to a service. */
function routeRemedy(gateway: string, { key, name, port }: Target): Remedy {
  const { kind } = namedDestination(key);
  const known = kind === "MeshExternalService" || port === 0 ? {} : { port };
  const backendRefs = [{ kind: port === 0 ? "MeshService" : kind, name, ...known }];
  const matches = [{ path: { type: "PathPrefix", value: "/" } }];
  return {
    text: `send some requests there with a MeshHTTPRoute of MeshGateway ${gateway}`,
    document: {
      type: "MeshHTTPRoute",
      name: `${gateway}-to-${name}`,
      spec: {
        targetRef: { kind: "MeshGateway", name: gateway },
        to: [{ targetRef: { kind: "Mesh" }, rules: [{ matches, default: { backendRefs } }] }],
      },
    },
  };
}
