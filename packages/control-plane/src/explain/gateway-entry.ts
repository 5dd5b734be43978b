import type { GatewayHostPlan, GatewayPortPlan, ProxyPlan } from "@skein/policies";
import { ownerOf } from "@skein/policies";
import type { HttpRoutePlan } from "@skein/policies/mesh-http-route/plan";
import { failure, type Outcome, success } from "../identity/outcome.ts";
import { type GatewayPart, gatewayParts } from "../plan/gateways/parts.ts";
import type { Question, QuestionProblem } from "./explanation.ts";
import { shown, unknownName } from "./find-source.ts";

/** Where a client comes into a gateway, and for which host. */
export interface Entry extends GatewayPart {
  /** What the client names: `host`, or the listener's own pattern where nobody said. */
  readonly hostname: string;
  /** The routes of the host name that takes it; empty where connections are not read. */
  readonly routes: readonly HttpRoutePlan[];
}

/** A listener that takes a host name, or why there is none. */
type Found = Outcome<Entry, QuestionProblem>;

/** The word of a destination, and the port that it or the question names. */
export function wordAndPort({ destination, port }: Pick<Question, "destination" | "port">): {
  readonly word: string;
  readonly port: number | undefined;
} {
  const [, bare, digits] = /^(.+):(\d+)$/.exec(destination) ?? [];
  return { word: bare ?? destination, port: port ?? (digits === undefined ? undefined : Number(digits)) };
}

/** The listener by which clients reach a host, found as Envoy finds it: by port, then server name, then host. */
export function entryFor(source: ProxyPlan, hostname: string, port: number | undefined): Found {
  const ports = (source.gateway?.ports ?? []).filter((each) => port === undefined || each.port === port);
  if (ports.length === 0) return failure(noPort(source, hostname, port));
  // Connections of bytes name no host, so their port has to be named.
  const entries = ports.flatMap((each) =>
    each.protocol === "TCP" && port === undefined ? [] : (entryAt(source, each, hostname) ?? []),
  );
  const [first, ...others] = entries;
  if (first === undefined) {
    const known = namesOf(source);
    return failure({
      ...unknownName(hostname, known, "destination"),
      message: noHost(source, hostname, known),
    });
  }
  if (others.length === 0) return success(first);
  const choices = entries.map((each) => `${hostname}:${each.port.port}`);
  return failure({
    kind: "ambiguous",
    field: "destination",
    message: `${source.name} takes it at ${shown(choices)}: say at which port`,
    suggestions: choices,
  });
}

/** Every way into a gateway, in the order of its ports. */
export function allEntries(source: ProxyPlan): readonly Entry[] {
  return gatewayParts(source).flatMap((part): readonly Entry[] =>
    part.host.virtualHosts.length === 0
      ? [{ ...part, hostname: part.host.hostname, routes: [] }]
      : part.host.virtualHosts.map(({ hostname, routes }) => ({ ...part, hostname, routes })),
  );
}

function entryAt(source: ProxyPlan, port: GatewayPortPlan, hostname: string): Entry | undefined {
  const parts = gatewayParts(source).filter((part) => part.port === port);
  const host = hostname.toLowerCase();
  if (port.protocol === "TCP") return whole(parts[0], hostname);
  if (port.protocol === "TLS")
    return whole(
      owned(parts, host, ({ chain }) => chain.serverName ?? "*"),
      hostname,
    );
  // Over TLS the server name decides on the chain; a client asks for the host that it names.
  const chain = owned(parts, host, ({ chain: { serverName } }) => serverName ?? "*")?.chain;
  const hosts = parts
    .filter((part) => part.chain === chain)
    .flatMap((part) => part.host.virtualHosts.map((virtual) => ({ part, virtual })));
  const found = owned(hosts, host, ({ virtual }) => virtual.hostname);
  return found && { ...found.part, hostname, routes: found.virtual.routes };
}

function whole(part: GatewayPart | undefined, hostname: string): Entry | undefined {
  return part && { ...part, hostname, routes: [] };
}

/** The one of some patterns that gets a host. */
function owned<T>(all: readonly T[], host: string, patternOf: (each: T) => string): T | undefined {
  const owner = ownerOf(host, all.map(patternOf));
  return all.find((each) => patternOf(each) === owner);
}

function namesOf(source: ProxyPlan): readonly string[] {
  return [...new Set(gatewayParts(source).map(({ port, host }) => nameAt(host, port)))];
}

function nameAt({ hostname }: GatewayHostPlan, { port }: GatewayPortPlan): string {
  return `${hostname}:${port}`;
}

function noHost(source: ProxyPlan, hostname: string, known: readonly string[]): string {
  return `${source.name} takes no requests for "${hostname}", and no service has that name; it listens for ${shown(known)}`;
}

function noPort(source: ProxyPlan, hostname: string, port: number | undefined): QuestionProblem {
  const known = namesOf(source);
  const [condition] = source.conditions.filter(({ type }) => type === "NoMeshGateway");
  return {
    kind: "unknown",
    field: port === undefined ? "destination" : "port",
    message:
      known.length === 0
        ? `${source.name} listens on nothing, so nobody can ask for "${hostname}" there: ${condition?.message ?? "its listeners have no routes or certificates"}`
        : `${source.name} does not listen on port ${port}; it listens for ${shown(known)}`,
    suggestions: known,
  };
}
