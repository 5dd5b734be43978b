import { create, toBinary } from "@bufbuild/protobuf";
import { ClusterSchema } from "@skein/envoy-api/envoy/config/cluster/v3/cluster_pb";
import {
  HeaderValueOption_HeaderAppendAction as AppendAction,
  type HeaderValueOption,
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
import type { Interned } from "../plan/interned.ts";
import { Field, fieldOf, joined, type Piece, packing } from "../xds/joined.ts";
import { PROTOCOL_OPTIONS } from "./http.ts";
import { leaveMesh, partlyLeaveMesh } from "./leaving.ts";
import { draftUpstream } from "./outbound.ts";
import { upstreamTls } from "./tls.ts";

export interface ClusterShare {
  readonly cluster: Uint8Array;
  readonly httpOptions: Uint8Array;
}

export interface RouteShare {
  readonly routes: readonly Uint8Array[];
}

/** What policies say of a way to a destination by themselves: encoded, to be joined with the rest. */
export interface Share extends ClusterShare, RouteShare {
  /** Of the connection manager, else of the TCP proxy. */
  readonly network: Uint8Array;
}

/** The routes as all policies have them that must be heard together. */
export interface RouteCore extends RouteShare {
  /** The route configuration but for its virtual host. */
  readonly configuration: Uint8Array;
  /** The virtual host but for its routes. */
  readonly virtualHost: Uint8Array | undefined;
  readonly layout: Layout;
}

/** What policies that stand alone must know of a draft; the same object for equal ones. */
export interface Layout {
  readonly protocol: OutboundDraft["protocol"];
  readonly isHttp: boolean;
  readonly isExternal: boolean;
  readonly routes: readonly { readonly isForwarded: boolean; readonly policy?: string | undefined }[];
  /** The same without the policies that the routes are from; absent where it says nothing of them. */
  readonly outline?: Layout;
}

const NOTHING = new Uint8Array();
const MAP_KEY = 1;
const MAP_VALUE = 2;
const PROTOCOL_OPTIONS_KEY = fieldOf(MAP_KEY, PROTOCOL_OPTIONS);
const packedOptions = packing(MAP_VALUE, HttpProtocolOptionsSchema.typeName);
const ROUTES = VirtualHostSchema.field.routes.number;
const VIRTUAL_HOSTS = RouteConfigurationSchema.field.virtualHosts.number;
const TYPED_CONFIG = FilterSchema.field.typedConfig.number;
const HCM = {
  name: fieldOf(FilterSchema.field.name.number, "envoy.filters.network.http_connection_manager"),
  packed: packing(TYPED_CONFIG, HttpConnectionManagerSchema.typeName),
};
const TCP = {
  name: fieldOf(FilterSchema.field.name.number, "envoy.filters.network.tcp_proxy"),
  packed: packing(TYPED_CONFIG, TcpProxySchema.typeName),
};

/** All that must be heard together, in one go: what it says of clusters, connections and routes. */
export function coresOf(
  plan: UpstreamPlan,
  definitions: readonly PolicyDefinition[],
  layouts: Interned<Layout>,
): { readonly cluster: ClusterShare; readonly network: Uint8Array; readonly routes: RouteCore } {
  const draft = draftUpstream(plan);
  for (const definition of definitions) {
    definition.translateOutbound?.(plan.policies[definition.kind.type], draft);
  }
  let ownHeaders = headersOf(draft);
  if (plan.external !== undefined) leaveMesh(draft, plan.external);
  else if (partlyLeaveMesh(draft, ownHeaders, plan.destination.kind === "MeshExternalService")) {
    ownHeaders = [];
  }
  if (plan.tls !== undefined) draft.cluster.transportSocket = upstreamTls(plan.tls, draft.tlsParams);
  const isHttp = draft.hcm !== undefined;
  const layout = layoutOf(draft, layouts);
  return {
    cluster: clusterShare(draft),
    network: networkOf(draft),
    routes: {
      configuration: configurationOf(plan.destination),
      virtualHost: isHttp ? virtualHost(plan, ownHeaders) : undefined,
      routes: routesOf(draft),
      layout,
    },
  };
}

function layoutOf(
  { protocol, isExternal, hcm, routes: drafts }: OutboundDraft,
  layouts: Interned<Layout>,
): Layout {
  const shared = (layout: Layout): Layout => layouts.get(JSON.stringify(layout), () => layout);
  const common = { protocol, isHttp: hcm !== undefined, isExternal };
  const routes = drafts.map(({ route, policy }) => ({ isForwarded: route.action.case === "route", policy }));
  const outline = shared({ ...common, routes: routes.map(({ isForwarded }) => ({ isForwarded })) });
  return routes.every(({ policy }) => policy === undefined)
    ? outline
    : shared({ ...common, routes, outline });
}

function configurationOf({ routeName }: DestinationPlan): Uint8Array {
  const message = create(RouteConfigurationSchema, { name: routeName, validateClusters: false });
  return toBinary(RouteConfigurationSchema, message);
}

function virtualHost({ clusterName }: UpstreamPlan, requestHeadersToAdd: HeaderValueOption[]): Uint8Array {
  return toBinary(
    VirtualHostSchema,
    create(VirtualHostSchema, { name: clusterName, domains: ["*"], requestHeadersToAdd }),
  );
}

function headersOf({ requestHeaders }: OutboundDraft): HeaderValueOption[] {
  return headersToSet(requestHeaders);
}

/** Headers that take the place of those with their names. */
export function headersToSet(headers: Iterable<readonly [name: string, value: string]>): HeaderValueOption[] {
  return Array.from(headers, ([key, value]) =>
    create(HeaderValueOptionSchema, {
      header: create(HeaderValueSchema, { key, value }),
      appendAction: AppendAction.OVERWRITE_IF_EXISTS_OR_ADD,
    }),
  );
}

/** What a policy says by itself. @param sees called when that depends on the policies that the routes are from */
export function shareOf(
  definition: PolicyDefinition,
  entry: object | undefined,
  layout: Layout,
  sees: () => void,
): Share {
  const draft = blankDraft(layout, sees);
  definition.translateOutbound?.(entry, draft);
  return { ...clusterShare(draft), network: networkOf(draft), routes: routesOf(draft) };
}

/** What several policies say by themselves of ways with one layout, as one share. */
export function joinedShares(shares: readonly Share[], { routes }: Layout): Share {
  return {
    cluster: joined(shares.map(({ cluster }) => cluster)),
    httpOptions: joined(shares.map(({ httpOptions }) => httpOptions)),
    network: joined(shares.map(({ network }) => network)),
    routes: routes.map((_, index) => joined(shares.map((each) => each.routes[index] ?? NOTHING))),
  };
}

/** The field of a cluster for its protocol, from what shares say of it. */
export function encodedOptions(shares: readonly Uint8Array[]): Uint8Array {
  const { number } = ClusterSchema.field.typedExtensionProtocolOptions;
  return fieldOf(number, [PROTOCOL_OPTIONS_KEY, packedOptions(shares)]);
}

/** Whether a cluster has options of HTTP; bytes that leave the mesh have none. */
export function hasOptions({ isHttp, isExternal }: Layout): boolean {
  return isHttp || !isExternal;
}

/** What a policy that stands alone gets: the draft's outline, with nothing in it. */
function blankDraft({ protocol, isHttp, isExternal, routes }: Layout, sees: () => void): OutboundDraft {
  return {
    ...{ protocol, isExternal },
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
      get policy() {
        sees();
        return policy;
      },
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

/** The field of a listener with its only filter chain, from what shares say of the connection. */
export function encodedChain({ isHttp }: Layout, network: readonly Uint8Array[]): Uint8Array {
  const filter = isHttp ? HCM : TCP;
  return fieldOf(ListenerSchema.field.filterChains.number, [
    new Field(FilterChainSchema.field.filters.number, [filter.name, filter.packed(network)]),
  ]);
}

/** The routes of a way, from those of its core and what another share says of each. */
export function encodedRoutes(
  { configuration, routes }: RouteCore,
  virtualHost: Uint8Array,
  other: RouteShare,
): readonly Piece[] {
  const pieces: Piece[] = [virtualHost];
  for (let index = 0; index < routes.length; index++) {
    const route = [routes[index] ?? NOTHING, other.routes[index] ?? NOTHING];
    pieces.push(new Field(ROUTES, route));
  }
  return [configuration, new Field(VIRTUAL_HOSTS, pieces)];
}
