import { clone, create } from "@bufbuild/protobuf";
import { type Any, AnySchema } from "@bufbuild/protobuf/wkt";
import { RouteActionSchema, RouteSchema } from "@skein/envoy-api/envoy/config/route/v3/route_components_pb";
import { HttpConnectionManagerSchema } from "@skein/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb";
import { TcpProxySchema } from "@skein/envoy-api/envoy/extensions/filters/network/tcp_proxy/v3/tcp_proxy_pb";
import type { GatewayInput, PolicyDefinition, RouteIdentity } from "../definition.ts";
import type { GatewayChainDraft, GatewayHostDraft } from "../draft.ts";
import type { PolicyResource } from "../engine/policy-resource.ts";
import { json } from "./drafts.ts";

/** The route that policies of these tests may name. */
export const SHOP: RouteIdentity = {
  kind: "MeshHTTPRoute",
  kri: "kri_mhttpr_default___shop_",
  name: "shop",
  labels: {},
};

export interface TestGateway {
  readonly isHttp?: boolean;
  /** By host name of a listener, the policies that select it alone. */
  readonly hosts?: Readonly<Record<string, readonly PolicyResource[]>>;
  readonly extAuthzAddress?: string;
}

/** What a test looks at. */
export interface TranslatedGateway {
  readonly chain: GatewayChainDraft;
  readonly hosts: Readonly<Record<string, GatewayHostDraft>>;
}

/** What a policy is asked about a gateway `edge` with the route `shop`. */
export function gatewayInput(
  policies: readonly PolicyResource[],
  overrides: Partial<GatewayInput> = {},
): GatewayInput {
  return { policies, mesh: "default", isHttp: true, service: "edge", routes: [SHOP], ...overrides };
}

/**
 * A port of a gateway with these policies. Each of its host names, one where nothing is said, has the route `shop` and one
 * that is nobody's.
 */
export function atGateway(
  definition: PolicyDefinition,
  policies: readonly PolicyResource[],
  { isHttp = true, hosts = { "*": [] }, extAuthzAddress }: TestGateway = {},
): TranslatedGateway {
  const chain: GatewayChainDraft = {
    statPrefix: "edge",
    hcm: isHttp ? create(HttpConnectionManagerSchema) : undefined,
    tcp: isHttp ? undefined : create(TcpProxySchema),
    config: {},
    networkFilters: [],
    services: new Map(),
  };
  const plan = (list: readonly PolicyResource[]) =>
    definition.planGateway?.(gatewayInput(list, { isHttp, extAuthzAddress }));
  const common = plan(policies);
  definition.translateGatewayChain?.(common, chain);
  const drafts = Object.entries(hosts).map(([hostname, own]) => {
    const route = create(RouteSchema, { action: { case: "route", value: create(RouteActionSchema) } });
    const routes = [
      { route: clone(RouteSchema, route), policy: SHOP.kri, destinations: [] },
      { route, destinations: [] },
    ];
    const draft = { chain, virtualHosts: [{ hostname, routes: isHttp ? routes : [], config: {} }] };
    definition.translateGatewayHost?.(own.length === 0 ? common : plan([...policies, ...own]), draft, common);
    return [hostname, draft] as const;
  });
  return { chain, hosts: Object.fromEntries(drafts) };
}

/** Names of the HTTP filters of a chain, those that are off by themselves in brackets. */
export function filtersOf({ chain }: TranslatedGateway): readonly string[] {
  return (chain.hcm?.httpFilters ?? []).map(({ name, disabled }) => (disabled ? `(${name})` : name));
}

/** What an HTTP filter does on a route of a host: what the most specific place says that says anything. */
export function effectOf(
  { chain, hosts }: TranslatedGateway,
  host: string,
  route: "shop" | "other",
  filter: string,
): unknown {
  const [virtualHost] = hosts[host]?.virtualHosts ?? [];
  const own = virtualHost?.routes[route === "shop" ? 0 : 1]?.route.typedPerFilterConfig[filter];
  return shown(own ?? virtualHost?.config[filter] ?? chain.config[filter]);
}

function shown(config: Any | undefined): unknown {
  if (config === undefined) return undefined;
  const { "@type": type, ...fields } = json(AnySchema, config) as Readonly<Record<string, unknown>>;
  if (typeof type === "string" && type.endsWith(".FilterConfig"))
    return fields.disabled === true ? "off" : "on";
  return fields;
}
