import { type DescMessage, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { type Cluster, ClusterSchema } from "@skein/envoy-api/envoy/config/cluster/v3/cluster_pb";
import { ClusterLoadAssignmentSchema } from "@skein/envoy-api/envoy/config/endpoint/v3/endpoint_pb";
import type { Filter } from "@skein/envoy-api/envoy/config/listener/v3/listener_components_pb";
import { ListenerSchema } from "@skein/envoy-api/envoy/config/listener/v3/listener_pb";
import {
  type RouteConfiguration,
  RouteConfigurationSchema,
} from "@skein/envoy-api/envoy/config/route/v3/route_pb";
import {
  type Secret,
  SecretSchema,
} from "@skein/envoy-api/envoy/extensions/transport_sockets/tls/v3/secret_pb";
import {
  type AdminPlan,
  contributors,
  type EndpointsPlan,
  type InboundPlan,
  type InboundSharedPlan,
  type OutboundPlan,
  type PolicyDefinition,
  type PolicyPlans,
  type ProxyPlan,
  type UpstreamPlan,
} from "@skein/policies";
import { ADMIN_CLIENT_URI } from "../envoy-admin/authority.ts";
import { Interned } from "../plan/interned.ts";
import type { Fragment, XdsType } from "../xds/fragment.ts";
import { type FragmentTable, makeFragment } from "../xds/fragment-table.ts";
import { adminCluster, adminListener } from "./admin.ts";
import { directAccessCluster, directAccessListener } from "./direct-access.ts";
import { loadAssignment } from "./endpoints.ts";
import { type FragmentPatch, FragmentPatches } from "./fragment-patch.ts";
import { type InboundListenerParts, inboundListener, translateInbound } from "./inbound.ts";
import { outboundListener, translateUpstream } from "./outbound.ts";
import {
  type InboundRedirect,
  type ListenerTraits,
  type OutboundRedirect,
  type TransparentResources,
  translateInboundPassthrough,
  translateOutboundPassthrough,
} from "./transparent.ts";

/**
 * What a listener or cluster becomes for every proxy that shares the plan behind it. Messages are let go of once they are
 * encoded: they are several times the size of their bytes.
 */
interface Shared<Parts> {
  /** Stands for it in keys. */
  readonly id: number;
  /** What further listeners are made of. */
  readonly parts: Parts;
  readonly cluster: Fragment;
  readonly services: readonly Fragment[];
  readonly route: Fragment | undefined;
  /** KRIs of the policies behind the listeners. */
  readonly origins: readonly string[];
  /** By address, port and whatever else sets one listener apart. */
  readonly listeners: Map<string, Fragment>;
}

/** The fragments of one inbound or outbound. */
export interface TranslatedPort {
  readonly cluster: Fragment;
  /** Clusters of services that its filters ask. */
  readonly services: readonly Fragment[];
  readonly listener: Fragment;
  /** Absent where traffic is bytes. */
  readonly route: Fragment | undefined;
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
  readonly #upstreams = new WeakMap<UpstreamPlan, Shared<readonly Filter[]>>();
  readonly #inbounds = new WeakMap<InboundSharedPlan, Shared<InboundListenerParts>>();
  readonly #admins = new WeakMap<AdminPlan, { readonly cluster: Fragment; readonly listener: Fragment }>();
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
  }

  /** What an outbound becomes. */
  outbound(plan: OutboundPlan, reusePort: boolean): TranslatedPort {
    const shared = this.#upstream(plan.upstream);
    const key = `${plan.listenerName} ${plan.address} ${plan.port} ${reusePort} ${plan.redirected ?? ""}`;
    let listener = shared.listeners.get(key);
    if (listener === undefined) {
      const message = outboundListener(plan, shared.parts, reusePort);
      listener = this.#encode("listener", plan.listenerName, ListenerSchema, message, shared.origins);
      shared.listeners.set(key, listener);
    }
    return { cluster: shared.cluster, services: shared.services, listener, route: shared.route };
  }

  /** The cluster of a destination that only routes lead to. */
  backend(plan: UpstreamPlan): Fragment {
    return this.#upstream(plan).cluster;
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
    let byName = this.#endpoints.get(plan);
    if (byName === undefined) {
      byName = new Map();
      this.#endpoints.set(plan, byName);
    }
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
    let made = this.#admins.get(plan);
    if (made === undefined) {
      made = {
        cluster: this.#encode("cluster", plan.name, ClusterSchema, adminCluster(plan), []),
        listener: this.#encode(
          "listener",
          plan.name,
          ListenerSchema,
          adminListener(plan, ADMIN_CLIENT_URI),
          [],
        ),
      };
      this.#admins.set(plan, made);
    }
    return made;
  }

  /** What a proxy's policies change in its finished resources; `undefined` where none does. */
  patch(policies: PolicyPlans): FragmentPatch | undefined {
    return this.#patches.of(policies);
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
      origins: this.#origins(entries, "listener"),
    }));
  }

  #inboundPassthrough(
    plan: ProxyPlan,
    transparent: InboundRedirect,
    traits: ListenerTraits,
  ): TransparentFragments {
    const inbounds = plan.inbounds.map(({ port, shared }) => ({
      port,
      isStrict: shared.tls?.mode === "strict",
      shared: this.#inbound(shared),
    }));
    const ids = inbounds.map(({ port, shared }) => `${port} ${shared.id}`);
    return this.#passthrough(plan, `inbound ${JSON.stringify([traits, transparent, ids])}`, () => ({
      made: translateInboundPassthrough(
        transparent,
        traits,
        inbounds.map(({ port, isStrict, shared }) => ({ port, isStrict, parts: shared.parts })),
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

  #upstream(plan: UpstreamPlan): Shared<readonly Filter[]> {
    let shared = this.#upstreams.get(plan);
    if (shared === undefined) {
      const translated = translateUpstream(plan, this.#definitions);
      shared = this.#shared(plan, translated, translated.filters);
      this.#upstreams.set(plan, shared);
    }
    return shared;
  }

  #inbound(plan: InboundSharedPlan): Shared<InboundListenerParts> {
    let shared = this.#inbounds.get(plan);
    if (shared === undefined) {
      const translated = translateInbound(plan, this.#definitions);
      shared = this.#shared(plan, translated, translated.listener);
      this.#inbounds.set(plan, shared);
    }
    return shared;
  }

  #shared<Parts>(
    { clusterName, policies }: { readonly clusterName: string; readonly policies: PolicyPlans },
    translated: {
      readonly cluster: Cluster;
      readonly services?: readonly Cluster[];
      readonly routes: RouteConfiguration | undefined;
    },
    parts: Parts,
  ): Shared<Parts> {
    const { cluster, routes } = translated;
    return {
      id: ++this.#lastId,
      parts,
      services: (translated.services ?? []).map((each) =>
        this.#encode("cluster", each.name, ClusterSchema, each, this.#origins(policies, "listener")),
      ),
      cluster: this.#encode(
        "cluster",
        clusterName,
        ClusterSchema,
        cluster,
        this.#origins(policies, "cluster"),
      ),
      route:
        routes &&
        this.#encode(
          "route",
          routes.name,
          RouteConfigurationSchema,
          routes,
          this.#origins(policies, "route"),
        ),
      origins: this.#origins(policies, "listener"),
      listeners: new Map(),
    };
  }

  /** KRIs of the policies that had a say in one kind of resource. */
  #origins(plans: PolicyPlans, of: "cluster" | "listener" | "route"): readonly string[] {
    return contributors(
      this.#definitions.flatMap((definition) => {
        const plan = plans[definition.kind.type];
        const isShaped = definition.shapes?.includes(of) ?? true;
        return plan === undefined || !isShaped ? [] : [...definition.origins(plan)];
      }),
    );
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
