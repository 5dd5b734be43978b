import type { GatewayPlan, OutboundPlan, ProxyPlan } from "@skein/policies";
import { matchText } from "@skein/policies/mesh-http-route/match-text";
import { namedDestination } from "../plan/destination-keys.ts";
import { gatewayParts } from "../plan/gateways/parts.ts";
import type { Fact, Remedy } from "./explanation.ts";
import { plainFact } from "./facts.ts";
import type { Target } from "./find-destination.ts";
import type { OutboundChoice } from "./outbound-step.ts";

/** By which of its routes a built-in gateway sends clients to a destination, if by any. */
export function gatewayStep(source: ProxyPlan, gateway: GatewayPlan, target: Target): OutboundChoice {
  const ways = waysTo(source, target);
  const [first] = ways;
  const backend = source.backends.find(({ upstream }) => upstream.clusterName === first?.clusterName);
  if (first === undefined || backend === undefined) {
    return {
      hop: {
        at: "outbound",
        name: `${target.name}:${target.port}`,
        outcome: "stop",
        text: `no route of MeshGateway "${gateway.name}" leads there from ${source.name}`,
        facts: source.conditions
          .filter(({ type }) => type === "UnresolvedBackend")
          .map(({ message }) => plainFact("unresolved", message)),
      },
      remedy: remedyOf(gateway, target),
    };
  }
  const { port, address, listenerName } = first.at;
  const outbound: OutboundPlan = {
    ...{ listenerName, address, port, target: target.key, upstream: backend.upstream },
    ...(backend.view === undefined ? {} : { view: backend.view }),
  };
  return {
    outbound,
    hop: {
      at: "outbound",
      name: listenerName,
      outcome: "pass",
      text: `clients of MeshGateway "${gateway.name}" are sent there by ${ways.length === 1 ? "a route" : `${ways.length} routes`}; this is what becomes of their requests from there`,
      facts: [plainFact("protocol", backend.upstream.destination.protocol), ...ways.map(({ fact }) => fact)],
    },
  };
}

interface Way {
  readonly clusterName: string;
  readonly at: GatewayPlan["ports"][number];
  readonly fact: Fact;
}

function waysTo(source: ProxyPlan, target: Target): readonly Way[] {
  return gatewayParts(source).flatMap(({ port: at, host }) => {
    const clusterOf = (key: string): string | undefined => {
      const backend = host.backends[key];
      return backend?.kind === "resolved" && backend.target === target.key ? backend.clusterName : undefined;
    };
    const requests = host.virtualHosts.flatMap(({ hostname, routes }) =>
      routes.flatMap(({ match, backends = [], origin }): readonly Way[] => {
        const clusterName = backends.map(({ key }) => clusterOf(key)).find((each) => each !== undefined);
        const fact = { name: `route ${hostname}:${at.port}`, value: matchText(match), origin };
        return clusterName === undefined ? [] : [{ clusterName, at, fact }];
      }),
    );
    const connections = (host.connections?.backends ?? []).flatMap(({ key, origin }): readonly Way[] => {
      const clusterName = clusterOf(key);
      const fact = { name: `route ${host.hostname}:${at.port}`, value: "connections", origin };
      return clusterName === undefined ? [] : [{ clusterName, at, fact }];
    });
    return [...requests, ...connections];
  });
}

function remedyOf({ name }: GatewayPlan, { key, name: service, port }: Target): Remedy {
  const { kind } = namedDestination(key);
  const known = kind === "MeshExternalService" || port === 0 ? {} : { port };
  const backendRefs = [{ kind: port === 0 ? "MeshService" : kind, name: service, ...known }];
  const matches = [{ path: { type: "PathPrefix", value: "/" } }];
  return {
    text: `send some requests there with a MeshHTTPRoute of MeshGateway "${name}"`,
    document: {
      type: "MeshHTTPRoute",
      name: `${name}-to-${service}`,
      spec: {
        targetRef: { kind: "MeshGateway", name },
        to: [{ targetRef: { kind: "Mesh" }, rules: [{ matches, default: { backendRefs } }] }],
      },
    },
  };
}
