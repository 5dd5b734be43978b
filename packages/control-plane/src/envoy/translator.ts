import { type DescMessage, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { ClusterSchema } from "@skein/envoy-api/envoy/config/cluster/v3/cluster_pb";
import { ClusterLoadAssignmentSchema } from "@skein/envoy-api/envoy/config/endpoint/v3/endpoint_pb";
import { FilterChainSchema } from "@skein/envoy-api/envoy/config/listener/v3/listener_components_pb";
import { ListenerSchema } from "@skein/envoy-api/envoy/config/listener/v3/listener_pb";
import { RouteConfigurationSchema } from "@skein/envoy-api/envoy/config/route/v3/route_pb";
import {
  type Secret,
  SecretSchema,
} from "@skein/envoy-api/envoy/extensions/transport_sockets/tls/v3/secret_pb";
import type {
  AdminPlan,
  DnsPlan,
  EgressChainPlan,
  EgressPlan,
  EndpointsPlan,
  GatewayChainPlan,
  GatewayPortPlan,
  InboundPlan,
  InboundSharedPlan,
  OutboundPlan,
  PolicyDefinition,
  PolicyPlans,
  ProxyPlan,
  UpstreamPlan,
} from "@skein/policies";
import type { HttpRoutePlan } from "@skein/policies/mesh-http-route/plan";
import { ADMIN_CLIENT_URI } from "../envoy-admin/authority.ts";
import { getOrMake } from "../get-or-make.ts";
import { Interned } from "../plan/interned.ts";
import type { Fragment, XdsType } from "../xds/fragment.ts";
import { type FragmentTable, makeFragment } from "../xds/fragment-table.ts";
import { adminCluster, adminListener } from "./admin.ts";
import { directAccessCluster, directAccessListener } from "./direct-access.ts";
import { dnsRoutes, dynamicConfigListener } from "./dynamic-config.ts";
import { egressListener, translateEgressChain } from "./egress.ts";
import { loadAssignment } from "./endpoints.ts";
import { type FragmentPatch, FragmentPatches } from "./fragment-patch.ts";
import { gatewayListener, translateGatewayChain } from "./gateway.ts";
import { type InboundListenerParts, inboundListener, translateInbound } from "./inbound.ts";
import { fieldOf, joined } from "./joined.ts";
import { Origins, type ShapedType } from "./origins.ts";
import {
  type InboundRedirect,
  inboundsAtPassthrough,
  type ListenerTraits,
  type OutboundRedirect,
  type TransparentResources,
  translateInboundPassthrough,
  translateOutboundPassthrough,
} from "./transparent.ts";
import { type TranslatedOutbound, Ways } from "./ways.ts";

/**
 * What an inbound becomes for every proxy that shares the plan behind it. Messages are let go of once they are encoded:
 * they are several times the size of their bytes.
 */
interface TranslatedInbound {
  /** Stands for it in keys. */
  readonly id: number;
  /** What further listeners are made of. */
  readonly parts: InboundListenerParts;
  readonly cluster: Fragment;
  readonly services: readonly Fragment[];
  readonly route: Fragment | undefined;
  /** KRIs of the policies behind the listeners. */
  readonly origins: readonly string[];
  /** By address, port and whatever else sets one listener apart. */
  readonly listeners: Map<string, Fragment>;
}

/** The fragments of one inbound. */
export interface TranslatedPort {
  readonly cluster: Fragment;
  /** Clusters of services that its filters ask. */
  readonly services: readonly Fragment[];
  readonly listener: Fragment;
  /** Absent where traffic is bytes. */
  readonly route: Fragment | undefined;
}

/** What the way of one service through an egress becomes for all egresses that share the plan behind it. */
interface TranslatedEgressChain {
  readonly cluster: Fragment;
  readonly services: readonly Fragment[];
  readonly route: Fragment | undefined;
  /** The field of a listener with the chain. */
  readonly chain: Uint8Array;
  /** KRIs of the policies behind the chain. */
  readonly origins: readonly string[];
}

/** What a chain of a built-in gateway becomes for all gateways that share the plan behind it. */
interface TranslatedGatewayPart extends Omit<TranslatedEgressChain, "cluster"> {}

/** The fragments of a port of a built-in gateway. */
export interface TranslatedGatewayPort {
  readonly listener: Fragment;
  readonly chains: readonly Pick<TranslatedGatewayPart, "services" | "route">[];
}

type ServedResources = Pick<ReturnType<typeof translateInbound>, "cluster" | "services" | "routes">;

/** The fragments of a listener by which others leave the mesh. */
export interface TranslatedEgress {
  /** Absent where it leads nowhere: the port stays closed. */
  readonly listener: Fragment | undefined;
  readonly chains: readonly Pick<TranslatedEgressChain, "cluster" | "services" | "route">[];
}

/** What a transparent proxy has besides its inbounds and outbounds. */
export interface TransparentFragments {
  readonly clusters: readonly Fragment[];
  readonly listeners: readonly Fragment[];
}

const NO_FRAGMENTS: TransparentFragments = { clusters: [], listeners: [] };

/**
 * Turns plans into fragments. Plans are shared between proxies and immutable, so each is translated and encoded once,
 * and its fragments live as long as the plan. A fragment depends on the plan it is made from and nothing else.
 */
export class Translator {
  readonly #definitions: readonly PolicyDefinition[];
  readonly #table: FragmentTable;
  readonly #patches: FragmentPatches;
  readonly #origins: Origins;
  readonly #ways: Ways;
  readonly #inbounds = new WeakMap<InboundSharedPlan, TranslatedInbound>();
  readonly #egressChains = new WeakMap<EgressChainPlan, TranslatedEgressChain>();
  readonly #egresses = new WeakMap<EgressPlan, Map<boolean, Fragment>>();
  readonly #gatewayChains = new WeakMap<GatewayChainPlan, TranslatedGatewayPart>();
  readonly #admins = new WeakMap<AdminPlan, { readonly cluster: Fragment; readonly listener: Fragment }>();
  readonly #dns = new WeakMap<DnsPlan, { readonly listener: Fragment; readonly route: Fragment }>();
  /** Routes by the names in them, which many proxies share. */
  readonly #names = new WeakMap<DnsPlan["records"], Map<string, Fragment>>();
  readonly #endpoints = new WeakMap<EndpointsPlan, Map<string, Fragment>>();
  readonly #transparent = new Interned<TransparentFragments>();
  readonly #instances = new Interned<Fragment>();
  /** Keeps what is shared for as long as a plan that it was made for. */
  readonly #heldBy = new WeakMap<ProxyPlan, Set<TransparentFragments>>();
  #lastId = 0;

  constructor(definitions: readonly PolicyDefinition[], table: FragmentTable) {
    this.#definitions = definitions;
    this.#table = table;
    this.#patches = new FragmentPatches(definitions, table);
    this.#origins = new Origins(definitions, table);
    this.#ways = new Ways(definitions, table, this.#origins);
  }

  /** What an outbound becomes. */
  outbound(plan: OutboundPlan, reusePort: boolean): TranslatedOutbound {
    return this.#ways.outbound(plan, reusePort);
  }

  /** The cluster of a destination that only routes lead to. */
  backend(plan: UpstreamPlan): Fragment {
    return this.#ways.backend(plan);
  }

  /** What an inbound becomes. */
  inbound(plan: InboundPlan, reusePort: boolean): TranslatedPort {
    const shared = this.#inbound(plan.shared);
    const key = `${plan.listenerName} ${plan.address} ${plan.port} ${reusePort} ${plan.redirected ?? ""} ${JSON.stringify(plan.tags)}`;
    let listener = shared.listeners.get(key);
    if (listener === undefined) {
      const message = inboundListener(plan, shared.parts, reusePort);
      listener = this.#encode("listener", plan.listenerName, ListenerSchema, message, shared.origins);
      shared.listeners.set(key, listener);
    }
    return { cluster: shared.cluster, services: shared.services, listener, route: shared.route };
  }

  /** What a listener becomes by which others leave the mesh, with a cluster and routes for each service outside. */
  egress(plan: EgressPlan, reusePort: boolean): TranslatedEgress {
    const chains = plan.chains.map((each) => this.#egressChain(each));
    const byPort = getOrMake(this.#egresses, plan, () => new Map());
    let listener = byPort.get(reusePort);
    if (listener === undefined && chains.length > 0) {
      const head = toBinary(ListenerSchema, egressListener(plan, reusePort));
      const bytes = joined([head, ...chains.map(({ chain }) => chain)]);
      const origins = [...new Set(chains.flatMap((each) => each.origins))].sort();
      listener = makeFragment(this.#table, "listener", plan.listenerName, bytes, origins);
      byPort.set(reusePort, listener);
    }
    return { listener, chains };
  }

  /** What a port of a built-in gateway becomes. @param kri of the MeshGateway */
  gateway(plan: GatewayPortPlan, kri: string, reusePort: boolean): TranslatedGatewayPort {
    const chains = plan.chains.map((each) => this.#gatewayChain(each));
    const head = toBinary(ListenerSchema, gatewayListener(plan, reusePort));
    const bytes = joined([head, ...chains.map(({ chain }) => chain)]);
    const origins = [...new Set([kri, ...chains.flatMap((each) => each.origins)])].sort();
    return { listener: makeFragment(this.#table, "listener", plan.listenerName, bytes, origins), chains };
  }

  /** What takes the connections that are redirected to a proxy; nothing where none are. */
  transparent(plan: ProxyPlan, reusePort: boolean): TransparentFragments {
    if (plan.transparent === undefined) return NO_FRAGMENTS;
    const { outboundPort, inboundPort } = plan.transparent;
    const traits: ListenerTraits = { naming: plan.naming, reusePort };
    const parts: TransparentFragments[] = [];
    if (outboundPort !== undefined)
      parts.push(this.#outboundPassthrough(plan, { ...plan.transparent, outboundPort }, traits));
    if (inboundPort !== undefined)
      parts.push(this.#inboundPassthrough(plan, { ...plan.transparent, inboundPort }, traits));
    return {
      clusters: parts.flatMap(({ clusters }) => clusters),
      listeners: parts.flatMap(({ listeners }) => listeners),
    };
  }

  /** What takes the connections of applications to instances by their own addresses. */
  directAccess(plan: ProxyPlan, reusePort: boolean): TransparentFragments {
    const instances = plan.directAccess ?? [];
    const tls = new Map(instances.map((each) => [JSON.stringify(each.tls), each.tls]));
    return {
      clusters: [...tls.values()].map((each) => {
        const cluster = directAccessCluster(each);
        return this.#encode("cluster", cluster.name, ClusterSchema, cluster, []);
      }),
      listeners: instances.map((each) => {
        const key = `${each.address} ${each.port} ${each.tls === undefined} ${reusePort}`;
        return this.#instances.get(key, () => {
          const listener = directAccessListener(each, reusePort);
          return this.#encode("listener", listener.name, ListenerSchema, listener, []);
        });
      }),
    };
  }

  /** The endpoints of a cluster. */
  endpoints(clusterName: string, plan: EndpointsPlan): Fragment {
    const byName = getOrMake(this.#endpoints, plan, () => new Map());
    let fragment = byName.get(clusterName);
    if (fragment === undefined) {
      const message = loadAssignment(clusterName, plan);
      const origins = plan.policies ?? [];
      fragment = this.#encode("endpoint", clusterName, ClusterLoadAssignmentSchema, message, origins);
      byName.set(clusterName, fragment);
    }
    return fragment;
  }

  /** Cluster and listener of Envoy's admin interface. */
  admin(plan: AdminPlan): { readonly cluster: Fragment; readonly listener: Fragment } {
    return getOrMake(this.#admins, plan, () => ({
      cluster: this.#encode("cluster", plan.name, ClusterSchema, adminCluster(plan), []),
      listener: this.#encode(
        "listener",
        plan.name,
        ListenerSchema,
        adminListener(plan, ADMIN_CLIENT_URI),
        [],
      ),
    }));
  }

  /** What a proxy's policies change in its finished resources; `undefined` where none does. */
  patch(policies: PolicyPlans): FragmentPatch | undefined {
    return this.#patches.of(policies);
  }

  /** The listener by which Envoy tells its launcher the names of the mesh, and the routes with the names. */
  dns(plan: DnsPlan): { readonly listener: Fragment; readonly route: Fragment } {
    return getOrMake(this.#dns, plan, () => ({
      listener: this.#encode("listener", plan.name, ListenerSchema, dynamicConfigListener(plan), []),
      route: this.#dnsRoutes(plan),
    }));
  }

  secret(secret: Secret): Fragment {
    return this.#encode("secret", secret.name, SecretSchema, secret, []);
  }

  #outboundPassthrough(
    plan: ProxyPlan,
    transparent: OutboundRedirect,
    traits: ListenerTraits,
  ): TransparentFragments {
    const entries = Object.fromEntries(
      this.#definitions.flatMap(({ translateTransparent, kind }) => {
        const entry = plan.policies[kind.type];
        return translateTransparent === undefined || entry === undefined ? [] : [[kind.type, entry] as const];
      }),
    );
    return this.#passthrough(plan, `outbound ${JSON.stringify([traits, transparent, entries])}`, () => ({
      made: translateOutboundPassthrough(transparent, traits, this.#definitions, entries),
      origins: this.#origins.of(entries, "listener"),
    }));
  }

  #inboundPassthrough(
    plan: ProxyPlan,
    transparent: InboundRedirect,
    traits: ListenerTraits,
  ): TransparentFragments {
    const inbounds = inboundsAtPassthrough(transparent, plan.inbounds).map(({ inbound, onlyAt }) => ({
      ...{ port: inbound.port, onlyAt },
      shared: this.#inbound(inbound.shared),
    }));
    const ids = inbounds.map(({ port, onlyAt = "", shared }) => `${port} ${onlyAt} ${shared.id}`);
    return this.#passthrough(plan, `inbound ${JSON.stringify([traits, transparent, ids])}`, () => ({
      made: translateInboundPassthrough(
        transparent,
        traits,
        inbounds.map(({ port, onlyAt, shared }) => ({ port, onlyAt, parts: shared.parts })),
      ),
      origins: [...new Set(inbounds.flatMap(({ shared }) => shared.origins))].sort(),
    }));
  }

  /** Proxies that have the same redirected to them share it. */
  #passthrough(
    plan: ProxyPlan,
    key: string,
    translate: () => { readonly made: TransparentResources; readonly origins: readonly string[] },
  ): TransparentFragments {
    const fragments = this.#transparent.get(key, () => {
      const { made, origins } = translate();
      return {
        clusters: made.clusters.map((each) =>
          this.#encode("cluster", each.name, ClusterSchema, each, origins),
        ),
        listeners: made.listeners.map((each) =>
          this.#encode("listener", each.name, ListenerSchema, each, origins),
        ),
      };
    });
    const held = this.#heldBy.get(plan) ?? new Set();
    this.#heldBy.set(plan, held.add(fragments));
    return fragments;
  }

  #dnsRoutes({ name, records }: DnsPlan): Fragment {
    const byName = getOrMake(this.#names, records, () => new Map());
    return getOrMake(byName, name, () =>
      this.#encode("route", name, RouteConfigurationSchema, dnsRoutes(name, records), []),
    );
  }

  #inbound(plan: InboundSharedPlan): TranslatedInbound {
    let shared = this.#inbounds.get(plan);
    if (shared === undefined) {
      const translated = translateInbound(plan, this.#definitions);
      shared = {
        id: ++this.#lastId,
        parts: translated.listener,
        ...this.#served(plan.policies, translated),
        listeners: new Map(),
      };
      this.#inbounds.set(plan, shared);
    }
    return shared;
  }

  #egressChain(plan: EgressChainPlan): TranslatedEgressChain {
    let made = this.#egressChains.get(plan);
    if (made === undefined) {
      const { chain, ...translated } = translateEgressChain(plan, this.#definitions);
      made = {
        ...this.#served(plan.policies, translated),
        chain: fieldOf(ListenerSchema.field.filterChains.number, [toBinary(FilterChainSchema, chain)]),
      };
      this.#egressChains.set(plan, made);
    }
    return made;
  }

  #gatewayChain(plan: GatewayChainPlan): TranslatedGatewayPart {
    let made = this.#gatewayChains.get(plan);
    if (made === undefined) {
      const { chain, services, routes } = translateGatewayChain(plan, this.#definitions);
      const entries = [
        plan.policies,
        ...plan.hosts.flatMap(({ policies, calls }) => [
          policies,
          ...Object.values(calls.byDestination),
          ...(calls.shared === undefined ? [] : [calls.shared]),
        ]),
      ];
      const origins = (of: ShapedType) => entries.flatMap((each) => this.#origins.of(each, of));
      const named = plan.hosts.flatMap(({ virtualHosts }) =>
        virtualHosts.flatMap((host) => host.routes.flatMap((route) => routeOrigins(route))),
      );
      const split = plan.hosts.flatMap(({ connections }) =>
        (connections?.backends ?? []).map(({ origin }) => origin.policy),
      );
      const sorted = (list: readonly string[]) => [...new Set(list)].sort();
      made = {
        services: services.map(({ cluster, askedBy }) => {
          const asking = entries.flatMap((each) => this.#origins.of(only(each, askedBy), "listener"));
          return this.#encode("cluster", cluster.name, ClusterSchema, cluster, sorted(asking));
        }),
        route:
          routes &&
          this.#encode(
            "route",
            routes.name,
            RouteConfigurationSchema,
            routes,
            sorted([...named, ...origins("route")]),
          ),
        chain: fieldOf(ListenerSchema.field.filterChains.number, [toBinary(FilterChainSchema, chain)]),
        origins: sorted([...split, ...origins("listener")]),
      };
      this.#gatewayChains.set(plan, made);
    }
    return made;
  }

  /** What an inbound and a way through an egress have in common. */
  #served(
    policies: PolicyPlans,
    { cluster, services, routes }: ServedResources,
  ): Pick<TranslatedEgressChain, "cluster" | "services" | "route" | "origins"> {
    const origins = (of: ShapedType) => this.#origins.of(policies, of);
    return {
      cluster: this.#encode("cluster", cluster.name, ClusterSchema, cluster, origins("cluster")),
      services: services.map((each) => {
        const asking = this.#origins.of(only(policies, each.askedBy), "listener");
        return this.#encode("cluster", each.cluster.name, ClusterSchema, each.cluster, asking);
      }),
      route: routes && this.#encode("route", routes.name, RouteConfigurationSchema, routes, origins("route")),
      origins: origins("listener"),
    };
  }

  #encode<Desc extends DescMessage>(
    type: XdsType,
    name: string,
    schema: Desc,
    message: MessageShape<Desc>,
    origins: readonly string[],
  ): Fragment {
    return makeFragment(this.#table, type, name, toBinary(schema, message), origins);
  }
}

/** The entry of one kind of policy. */
function only(policies: PolicyPlans, kind: string): PolicyPlans {
  return { [kind]: policies[kind] };
}

function routeOrigins({ policy, origins }: HttpRoutePlan): readonly string[] {
  return [policy, ...Object.values(origins).map((origin) => origin.policy)];
}
