import {
  type DataplaneResource,
  displayName,
  listenerHostname,
  type MeshGatewayListener,
  type MeshGatewayResource,
} from "@skein/model";
import { contains, type SelectableGateway } from "@skein/policies";

type Tags = Readonly<Record<string, string>>;

/** One entry of a MeshGateway's listeners as one proxy serves it. */
export interface ServedListener {
  /** Stands for it among those of the proxy: `<port>:<host name>`. */
  readonly section: string;
  readonly listener: MeshGatewayListener;
  /** Place in `conf.listeners`. */
  readonly index: number;
  /** What policies select it by: the tags of the Dataplane, of the MeshGateway and its own; later ones win. */
  readonly tags: Tags;
}

/** Whether a proxy is a built-in gateway: it listens where a MeshGateway says. */
export function isBuiltinGateway({ spec }: Pick<DataplaneResource, "spec">): boolean {
  return spec.networking?.gateway?.type === "BUILTIN";
}

/**
 * The MeshGateways that select a built-in gateway, best first: it serves the first. More tags are better than fewer,
 * values than wildcards, then newer gateways than older ones, as for the peer.
 */
export function gatewaysOf(
  { spec }: Pick<DataplaneResource, "spec">,
  gateways: readonly MeshGatewayResource[],
): readonly MeshGatewayResource[] {
  if (!isBuiltinGateway({ spec })) return [];
  const tags = spec.networking?.gateway?.tags ?? {};
  return gateways
    .flatMap((gateway) => {
      const rank = bestRank(gateway, tags);
      return rank === undefined ? [] : [{ gateway, rank }];
    })
    .sort(
      (a, b) =>
        b.rank.tags - a.rank.tags ||
        b.rank.exact - a.rank.exact ||
        compare(b.gateway.creationTime, a.gateway.creationTime) ||
        compare(a.gateway.name, b.gateway.name),
    )
    .map(({ gateway }) => gateway);
}

interface Rank {
  readonly tags: number;
  readonly exact: number;
}

function bestRank({ spec }: MeshGatewayResource, tags: Tags): Rank | undefined {
  return (spec.selectors ?? [])
    .flatMap(({ match = {} }): Rank[] => {
      if (!contains(tags, match)) return [];
      const values = Object.values(match);
      return [{ tags: values.length, exact: values.filter((value) => value !== "*").length }];
    })
    .sort((a, b) => b.tags - a.tags || b.exact - a.exact)[0];
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The listeners of a MeshGateway as a proxy serves them, in their order. */
export function servedListeners(
  dataplane: Pick<DataplaneResource, "spec">,
  { spec }: Pick<MeshGatewayResource, "spec">,
): readonly ServedListener[] {
  return (spec.conf?.listeners ?? []).map((listener, index) => ({
    section: `${listener.port}:${listenerHostname(listener)}`,
    listener,
    index,
    tags: { ...dataplane.spec.networking?.gateway?.tags, ...spec.tags, ...listener.tags },
  }));
}

/** A built-in gateway as policies see it; `undefined` for every other proxy. */
export function selectableGateway(
  dataplane: Pick<DataplaneResource, "spec">,
  gateways: readonly MeshGatewayResource[],
): SelectableGateway | undefined {
  if (!isBuiltinGateway(dataplane)) return undefined;
  const [gateway] = gatewaysOf(dataplane, gateways);
  return gateway === undefined
    ? { names: [], labels: {}, listeners: [] }
    : {
        names: [gateway.name, displayName(gateway)],
        labels: gateway.labels,
        listeners: servedListeners(dataplane, gateway).map(({ section, tags }) => ({ section, tags })),
      };
}
