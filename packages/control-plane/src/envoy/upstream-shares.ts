import { hash } from "node:crypto";
import { create, toBinary } from "@bufbuild/protobuf";
import { ClusterSchema } from "@skein/envoy-api/envoy/config/cluster/v3/cluster_pb";
import {
  HeaderValueOption_HeaderAppendAction as AppendAction,
  HeaderValueOptionSchema,
  HeaderValueSchema,
} from "@skein/envoy-api/envoy/config/core/v3/base_pb";
import {
  FilterChainSchema,
  FilterSchema,
} from "@skein/envoy-api/envoy/config/listener/v3/listener_components_pb";
import { ListenerSchema } from "@skein/envoy-api/envoy/config/listener/v3/listener_pb";
import {
  RouteActionSchema,
  RouteSchema,
  VirtualHostSchema,
} from "@skein/envoy-api/envoy/config/route/v3/route_components_pb";
import { RouteConfigurationSchema } from "@skein/envoy-api/envoy/config/route/v3/route_pb";
import { HttpConnectionManagerSchema } from "@skein/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb";
import { TcpProxySchema } from "@skein/envoy-api/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb";
import { HttpProtocolOptionsSchema } from "@skein/envoy-api/envoy/extensions/upstreams/http/v3/http_protocol_options_pb";
import type { DestinationPlan, OutboundDraft, PolicyDefinition, UpstreamPlan } from "@skein/policies";
import { Interned } from "../plan/interned.ts";
import { PROTOCOL_OPTIONS } from "./http.ts";
import { fieldOf, joined, packedField } from "./joined.ts";
import { draftUpstream } from "./outbound.ts";
import { upstreamTls } from "./tls.ts";

/** What all callers of one kind share towards one destination, encoded. */
export interface TranslatedUpstream {
  readonly cluster: Uint8Array;
  /** Absent where traffic is bytes. */
  readonly routes: Uint8Array | undefined;
  readonly network: NetworkChain;
  /** What it is made of; other ways find what they have in common with it for as long as somebody keeps this. */
  readonly shares: readonly object[];
}

/** How connections of applications are handled on their way; the same object for all ways that handle them alike. */
export interface NetworkChain {
  /** The field of a listener with its only filter chain. */
  encoded(): Uint8Array;
}

interface ClusterShare {
  readonly cluster: Uint8Array;
  readonly httpOptions: Uint8Array;
}

interface RouteShare {
  readonly routes: readonly Uint8Array[];
}

/** What one policy says of a way to a destination by itself: encoded, to be joined with the rest. */
interface Share extends ClusterShare, RouteShare {
  /** Of the connection manager, else of the TCP proxy. */
  readonly network: Uint8Array;
}

/** The routes as all policies have them that must be heard together. */
interface RouteCore extends RouteShare {
  /** The virtual host but for its routes. */
  readonly virtualHost: Uint8Array | undefined;
  readonly layout: Layout;
}

/** What policies that stand alone must know of a draft, and a key for it. */
interface Layout {
  readonly key: string;
  readonly protocol: OutboundDraft["protocol"];
  readonly isHttp: boolean;
  readonly routes: readonly { readonly isForwarded: boolean; readonly policy: string | undefined }[];
}

/** The shares of everything that does not stand alone, by what shapes them. */
interface Cores {
  readonly cluster: Interned<ClusterShare>;
  readonly network: Interned<Uint8Array>;
  readonly chains: Interned<NetworkChain>;
  readonly routes: Interned<RouteCore>;
}

/**
 * Translates how kinds of callers reach destinations. Two ways to one destination mostly differ in one or two policies.
 * So what a policy says by itself is encoded once for all ways that have it, the rest once for all that agree on what
 * shapes it, and a way is the join of these: a change of a policy costs that policy's share and the joining.
 */
export class UpstreamShares {
  readonly #alone: readonly PolicyDefinition[];
  readonly #together: readonly PolicyDefinition[];
  readonly #ids = new ObjectIds();
  readonly #cores = new WeakMap<DestinationPlan, Cores>();
  readonly #layouts = new Interned<Layout>();
  readonly #shares = new WeakMap<object, Interned<Share>>();

  constructor(definitions: readonly PolicyDefinition[]) {
    this.#alone = definitions.filter(({ standsAlone }) => standsAlone === true);
    this.#together = definitions.filter(({ standsAlone }) => standsAlone !== true);
  }

  /** The way of this plan. */
  translate(plan: UpstreamPlan): TranslatedUpstream {
    const core = this.#core(plan);
    const shares = this.#alone.map((definition) => this.#share(definition, plan, core.routes.layout));
    return {
      cluster: joined([
        core.cluster.cluster,
        ...shares.map(({ cluster }) => cluster),
        fieldOf(ClusterSchema.field.typedExtensionProtocolOptions.number, [
          PROTOCOL_OPTIONS_KEY,
          packedField(MAP_VALUE, HttpProtocolOptionsSchema.typeName, [
            core.cluster.httpOptions,
            ...shares.map(({ httpOptions }) => httpOptions),
          ]),
        ]),
      ]),
      routes:
        core.routes.virtualHost &&
        routeConfiguration(plan, core.routes.virtualHost, [core.routes, ...shares]),
      network: this.#chain(plan.destination, core.routes.layout, [
        core.network,
        ...shares.map(({ network }) => network),
      ]),
      shares: [core.cluster, core.routes, ...shares],
    };
  }

  #coresOf(destination: DestinationPlan): Cores {
    let cores = this.#cores.get(destination);
    if (cores === undefined) {
      cores = {
        ...{ cluster: new Interned(), network: new Interned() },
        ...{ chains: new Interned(), routes: new Interned() },
      };
      this.#cores.set(destination, cores);
    }
    return cores;
  }

  /** Most policies say little or nothing of connections, so what they say is short enough for a key. */
  #chain(
    destination: DestinationPlan,
    layout: Layout,
    network: readonly [core: Uint8Array, ...alone: Uint8Array[]],
  ): NetworkChain {
    const [core, ...alone] = network;
    const key = [this.#ids.of(core), ...alone.map((each) => Buffer.from(each).toString("latin1"))].join(" ");
    return this.#coresOf(destination).chains.get(key, () => ({
      encoded: () => filterChain(layout, network),
    }));
  }

  /** One translation answers for all three parts; each is kept under what shapes it. */
  #core(plan: UpstreamPlan) {
    const { destination, policies, backends, tls, callerTags, ...rest } = plan;
    const cores = this.#coresOf(destination);
    const entries = (of: "cluster" | "listener" | "route"): readonly number[] =>
      this.#together.map(({ kind, shapes }) =>
        shapes?.includes(of) === false ? 0 : this.#ids.of(policies[kind.type] as object | undefined),
      );
    const targets = Object.values(backends).map((each) =>
      each.kind === "resolved" ? each.clusterName : undefined,
    );
    let made: ReturnType<typeof coresOf> | undefined;
    const make = () => {
      made ??= coresOf(plan, this.#together, this.#layouts);
      return made;
    };
    return {
      cluster: cores.cluster.get(keyOf(entries("cluster"), rest, tls), () => make().cluster),
      network: cores.network.get(keyOf(entries("listener"), rest, targets), () => make().network),
      routes: cores.routes.get(keyOf(entries("route"), rest, targets, callerTags), () => make().routes),
    };
  }

  #share(definition: PolicyDefinition, plan: UpstreamPlan, layout: Layout): Share {
    const entry = plan.policies[definition.kind.type] as object | undefined;
    const owner = entry ?? definition;
    let shares = this.#shares.get(owner);
    if (shares === undefined) {
      shares = new Interned();
      this.#shares.set(owner, shares);
    }
    return shares.get(layout.key, () => {
      const draft = blankDraft(layout);
      definition.translateOutbound?.(entry, draft);
      return { ...clusterShare(draft), network: networkOf(draft), routes: routesOf(draft) };
    });
  }
}

/** Short, because a fleet has thousands. */
function keyOf(...parts: readonly unknown[]): string {
  return hash("sha1", JSON.stringify(parts), "base64url");
}

const NOTHING = new Uint8Array();
const VALIDATE_CLUSTERS = toBinary(
  RouteConfigurationSchema,
  create(RouteConfigurationSchema, { validateClusters: false }),
);
const MAP_KEY = 1;
const MAP_VALUE = 2;
const PROTOCOL_OPTIONS_KEY = fieldOf(MAP_KEY, PROTOCOL_OPTIONS);
const HCM = {
  name: fieldOf(FilterSchema.field.name.number, "envoy.filters.network.http_connection_manager"),
  typeName: HttpConnectionManagerSchema.typeName,
};
const TCP = {
  name: fieldOf(FilterSchema.field.name.number, "envoy.filters.network.tcp_proxy"),
  typeName: TcpProxySchema.typeName,
};

/** A number for each object, for keys. */
class ObjectIds {
  readonly #ids = new WeakMap<object, number>();
  #next = 1;

  of(value: object | undefined): number {
    if (value === undefined) return 0;
    let id = this.#ids.get(value);
    if (id === undefined) {
      id = this.#next++;
      this.#ids.set(value, id);
    }
    return id;
  }
}

function coresOf(
  plan: UpstreamPlan,
  definitions: readonly PolicyDefinition[],
  layouts: Interned<Layout>,
): { readonly cluster: ClusterShare; readonly network: Uint8Array; readonly routes: RouteCore } {
  const draft = draftUpstream(plan);
  for (const definition of definitions) {
    definition.translateOutbound?.(plan.policies[definition.kind.type], draft);
  }
  if (plan.tls !== undefined) draft.cluster.transportSocket = upstreamTls(plan.tls, draft.tlsParams);
  const isHttp = draft.hcm !== undefined;
  const layout = {
    protocol: draft.protocol,
    isHttp,
    routes: draft.routes.map(({ route, policy }) => ({ isForwarded: route.action.case === "route", policy })),
  };
  const key = JSON.stringify(layout);
  return {
    cluster: clusterShare(draft),
    network: networkOf(draft),
    routes: {
      virtualHost: isHttp ? virtualHost(plan, draft) : undefined,
      routes: routesOf(draft),
      layout: layouts.get(key, () => ({ ...layout, key })),
    },
  };
}

function virtualHost({ clusterName }: UpstreamPlan, { requestHeaders }: OutboundDraft): Uint8Array {
  return toBinary(
    VirtualHostSchema,
    create(VirtualHostSchema, {
      name: clusterName,
      domains: ["*"],
      requestHeadersToAdd: Array.from(requestHeaders, ([key, value]) =>
        create(HeaderValueOptionSchema, {
          header: create(HeaderValueSchema, { key, value }),
          appendAction: AppendAction.OVERWRITE_IF_EXISTS_OR_ADD,
        }),
      ),
    }),
  );
}

/** What a policy that stands alone gets: the draft's outline, with nothing in it. */
function blankDraft({ protocol, isHttp, routes }: Layout): OutboundDraft {
  return {
    protocol,
    cluster: create(ClusterSchema),
    httpOptions: create(HttpProtocolOptionsSchema),
    tlsParams: undefined,
    hcm: isHttp ? create(HttpConnectionManagerSchema) : undefined,
    tcp: isHttp ? undefined : create(TcpProxySchema),
    routes: routes.map(({ isForwarded, policy }) => ({
      route: create(
        RouteSchema,
        isForwarded ? { action: { case: "route", value: create(RouteActionSchema) } } : {},
      ),
      ...(policy === undefined ? {} : { policy }),
    })),
    backends: {},
    requestHeaders: new Map(),
  };
}

function clusterShare({ cluster, httpOptions }: OutboundDraft): ClusterShare {
  return {
    cluster: toBinary(ClusterSchema, cluster),
    httpOptions: toBinary(HttpProtocolOptionsSchema, httpOptions),
  };
}

function networkOf({ hcm, tcp }: OutboundDraft): Uint8Array {
  if (hcm !== undefined) return toBinary(HttpConnectionManagerSchema, hcm);
  return tcp === undefined ? NOTHING : toBinary(TcpProxySchema, tcp);
}

function routesOf({ routes }: OutboundDraft): readonly Uint8Array[] {
  return routes.map(({ route }) => toBinary(RouteSchema, route));
}

function filterChain({ isHttp }: Layout, network: readonly Uint8Array[]): Uint8Array {
  const filter = isHttp ? HCM : TCP;
  return fieldOf(ListenerSchema.field.filterChains.number, [
    fieldOf(FilterChainSchema.field.filters.number, [
      filter.name,
      packedField(FilterSchema.field.typedConfig.number, filter.typeName, network),
    ]),
  ]);
}

function routeConfiguration(
  { destination }: UpstreamPlan,
  virtualHost: Uint8Array,
  shares: readonly RouteShare[],
): Uint8Array {
  const [{ routes = [] } = {}] = shares;
  return joined([
    fieldOf(RouteConfigurationSchema.field.name.number, destination.routeName),
    VALIDATE_CLUSTERS,
    fieldOf(RouteConfigurationSchema.field.virtualHosts.number, [
      virtualHost,
      ...routes.map((_, index) =>
        fieldOf(
          VirtualHostSchema.field.routes.number,
          shares.map((share) => share.routes[index] ?? NOTHING),
        ),
      ),
    ]),
  ]);
}
