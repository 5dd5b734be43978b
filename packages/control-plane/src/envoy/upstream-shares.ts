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
  /** The field with the only filter chain of every listener that leads there. */
  readonly filterChain: Uint8Array;
  /** Absent where traffic is bytes. */
  readonly routes: Uint8Array | undefined;
}

/** What one policy says of a way to a destination, or all those that must be heard together: encoded, to be joined. */
interface Share {
  readonly cluster: Uint8Array;
  readonly httpOptions: Uint8Array;
  /** Of the connection manager, else of the TCP proxy. */
  readonly network: Uint8Array;
  readonly routes: readonly Uint8Array[];
}

/** The share of everything that does not stand alone, with the base that no policy has touched. */
interface Core extends Share {
  /** The virtual host but for its routes. */
  readonly virtualHost: Uint8Array | undefined;
  /** What policies that stand alone must know of the draft, and a key for it. */
  readonly layout: Layout;
}

interface Layout {
  readonly key: string;
  readonly protocol: OutboundDraft["protocol"];
  readonly isHttp: boolean;
  readonly routes: readonly { readonly isForwarded: boolean; readonly policy: string | undefined }[];
}

/**
 * Translates how kinds of callers reach destinations. Two ways to one destination mostly differ in one or two policies.
 * So what a policy says by itself is encoded once for all ways that have it, the rest once for all that agree on the
 * rest, and a way is the join of these: a change of a policy costs that policy's share and the joining.
 */
export class UpstreamShares {
  readonly #alone: readonly PolicyDefinition[];
  readonly #together: readonly PolicyDefinition[];
  readonly #ids = new ObjectIds();
  readonly #cores = new WeakMap<DestinationPlan, Interned<Core>>();
  readonly #shares = new WeakMap<object, Interned<Share>>();
  readonly #held = new WeakMap<UpstreamPlan, readonly Share[]>();

  constructor(definitions: readonly PolicyDefinition[]) {
    this.#alone = definitions.filter(({ standsAlone }) => standsAlone === true);
    this.#together = definitions.filter(({ standsAlone }) => standsAlone !== true);
  }

  /** The way of this plan. What it is made of is kept while the plan is. */
  translate(plan: UpstreamPlan): TranslatedUpstream {
    const core = this.#core(plan);
    const shares = [core, ...this.#alone.map((definition) => this.#share(definition, plan, core.layout))];
    this.#held.set(plan, shares);
    return {
      cluster: joined([
        ...shares.map(({ cluster }) => cluster),
        fieldOf(ClusterSchema.field.typedExtensionProtocolOptions.number, [
          PROTOCOL_OPTIONS_KEY,
          packedField(
            MAP_VALUE,
            HttpProtocolOptionsSchema.typeName,
            shares.map(({ httpOptions }) => httpOptions),
          ),
        ]),
      ]),
      filterChain: filterChain(core.layout, shares),
      routes: core.virtualHost && routeConfiguration(plan, core.virtualHost, shares),
    };
  }

  #core(plan: UpstreamPlan): Core {
    const { destination, policies, backends, ...rest } = plan;
    const entries = this.#together.map(({ kind }) => this.#ids.of(policies[kind.type] as object | undefined));
    const targets = Object.entries(backends).map(([key, each]) => [
      key,
      each.kind === "resolved" ? each.clusterName : undefined,
    ]);
    let cores = this.#cores.get(destination);
    if (cores === undefined) {
      cores = new Interned();
      this.#cores.set(destination, cores);
    }
    const key = `${entries.join(" ")} ${JSON.stringify([rest, targets])}`;
    return cores.get(key, () => coreOf(plan, this.#together));
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
      return shareOf(draft);
    });
  }
}

const NOTHING = new Uint8Array();
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

function coreOf(plan: UpstreamPlan, definitions: readonly PolicyDefinition[]): Core {
  const draft = draftUpstream(plan);
  for (const definition of definitions) {
    definition.translateOutbound?.(plan.policies[definition.kind.type], draft);
  }
  if (plan.tls !== undefined) draft.cluster.transportSocket = upstreamTls(plan.tls, draft.tlsParams);
  const { protocol, hcm, routes } = draft;
  const layout = {
    protocol,
    isHttp: hcm !== undefined,
    routes: routes.map(({ route, policy }) => ({ isForwarded: route.action.case === "route", policy })),
  };
  return {
    ...shareOf(draft),
    virtualHost: hcm === undefined ? undefined : virtualHost(plan, draft),
    layout: { ...layout, key: JSON.stringify(layout) },
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

function shareOf({ cluster, httpOptions, hcm, tcp, routes }: OutboundDraft): Share {
  return {
    cluster: toBinary(ClusterSchema, cluster),
    httpOptions: toBinary(HttpProtocolOptionsSchema, httpOptions),
    network: networkOf(hcm, tcp),
    routes: routes.map(({ route }) => toBinary(RouteSchema, route)),
  };
}

function networkOf(hcm: OutboundDraft["hcm"], tcp: OutboundDraft["tcp"]): Uint8Array {
  if (hcm !== undefined) return toBinary(HttpConnectionManagerSchema, hcm);
  return tcp === undefined ? NOTHING : toBinary(TcpProxySchema, tcp);
}

function filterChain({ isHttp }: Layout, shares: readonly Share[]): Uint8Array {
  const filter = isHttp ? HCM : TCP;
  return fieldOf(ListenerSchema.field.filterChains.number, [
    fieldOf(FilterChainSchema.field.filters.number, [
      filter.name,
      packedField(
        FilterSchema.field.typedConfig.number,
        filter.typeName,
        shares.map(({ network }) => network),
      ),
    ]),
  ]);
}

function routeConfiguration(
  { destination }: UpstreamPlan,
  virtualHost: Uint8Array,
  shares: readonly Share[],
): Uint8Array {
  const [{ routes = [] } = {}] = shares;
  return joined([
    toBinary(
      RouteConfigurationSchema,
      create(RouteConfigurationSchema, { name: destination.routeName, validateClusters: false }),
    ),
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
