import type { BackendPlan, DestinationKey, OutboundPlan, ProxyPlan, UpstreamPlan } from "@skein/policies";
import type { WeightedBackend } from "@skein/policies/engine/backends";
import type { Fact } from "./explanation.ts";

/** One destination that requests or connections are sent to. */
export interface Backend {
  readonly target: DestinationKey;
  /** How the caller's proxy reaches it: cluster, TLS, limits of connections. */
  readonly upstream: UpstreamPlan;
  /** The destination that the application called: routes, retries and limits of requests are its. */
  readonly called: UpstreamPlan;
  /** The calls come in by a built-in gateway. */
  readonly fromGateway?: true;
  /** Share of the requests, in percent. */
  readonly share: number;
}

/** What the shares of a route come to. */
export interface Shares {
  /** Those that are served; each gets its part of what the others would have got. */
  readonly live: readonly Backend[];
  /** Every reference, dead ones with the reason. */
  readonly facts: readonly Fact[];
}

/** The outbound's own destination, with everything. */
export function ownBackend({ target, upstream }: OutboundPlan): Backend {
  return { target, upstream, called: upstream, share: 100 };
}

/** Where the shares of a route go. */
export function sharesOf(
  shares: readonly WeightedBackend[],
  outbound: OutboundPlan,
  source: ProxyPlan,
): Shares {
  const judged = shares.map((each) => ({ ...each, ...reached(each, outbound, source) }));
  const total = judged.reduce((sum, { weight, way }) => (way === undefined ? sum : sum + weight), 0);
  const from = source.gateway === undefined ? {} : { fromGateway: true as const };
  const percent = (weight: number): number => Math.round((weight * 10_000) / total) / 100;
  return {
    live: judged.flatMap(({ weight, way }) =>
      way === undefined ? [] : [{ ...way, ...from, called: outbound.upstream, share: percent(weight) }],
    ),
    facts: judged.map(({ weight, way, why, origin }) => ({
      name: way === undefined ? "dead backend" : "backend",
      value:
        way === undefined
          ? `weight ${weight}: ${why}`
          : `${nameOf(way.upstream)}: ${percent(weight)}% (weight ${weight})`,
      origin,
    })),
  };
}

/** The destination that a mirror's copies go to, or why none go. */
export function mirrorTarget(backend: BackendPlan | undefined): string {
  if (backend?.kind === "resolved") return `${backend.destination.name}:${backend.destination.port}`;
  return `nobody: ${backend?.problem ?? "the reference leads nowhere"}`;
}

type Way = Pick<Backend, "target" | "upstream">;

function reached(
  { key, weight }: WeightedBackend,
  { target, upstream }: OutboundPlan,
  source: ProxyPlan,
): { readonly way?: Way; readonly why?: string } {
  const backend = upstream.backends[key];
  if (backend?.kind !== "resolved") return { why: backend?.problem ?? "the reference leads nowhere" };
  if (weight === 0) {
    return { why: `${backend.destination.name}:${backend.destination.port} has weight 0` };
  }
  if (backend.target === target) return { way: { target, upstream } };
  const way = [...source.backends, ...source.outbounds].find(
    (each) => each.upstream.clusterName === backend.clusterName,
  );
  return way === undefined ? { why: "it has no cluster" } : { way };
}

function nameOf({ destination: { name, port } }: UpstreamPlan): string {
  return `${name}:${port}`;
}
