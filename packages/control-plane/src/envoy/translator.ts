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
  type DnsPlan,
  type EndpointsPlan,
  type InboundPlan,
  type InboundSharedPlan,
  type OutboundPlan,
  type PolicyDefinition,
  type PolicyPlans,
  type UpstreamPlan,
} from "@skein/policies";
import { ADMIN_CLIENT_URI } from "../envoy-admin/authority.ts";
import type { Fragment, XdsType } from "../xds/fragment.ts";
import { type FragmentTable, makeFragment } from "../xds/fragment-table.ts";
import { adminCluster, adminListener } from "./admin.ts";
import { dnsRoutes, dynamicConfigListener } from "./dynamic-config.ts";
import { loadAssignment } from "./endpoints.ts";
import { type FragmentPatch, FragmentPatches } from "./fragment-patch.ts";
import { type InboundListenerParts, inboundListener, translateInbound } from "./inbound.ts";
import { outboundListener, translateUpstream } from "./outbound.ts";

/**
 * What a listener or cluster becomes for every proxy that shares the plan behind it. Messages are let go of once they are
 * encoded: they are several times the size of their bytes.
 */
interface Shared<Parts> {
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
  readonly #dns = new WeakMap<DnsPlan, { readonly listener: Fragment; readonly route: Fragment }>();
  /** Routes by the names in them, which many proxies share. */
  readonly #names = new WeakMap<DnsPlan["records"], Map<string, Fragment>>();
  readonly #endpoints = new WeakMap<EndpointsPlan, Map<string, Fragment>>();

  constructor(definitions: readonly PolicyDefinition[], table: FragmentTable) {
    this.#definitions = definitions;
    this.#table = table;
    this.#patches = new FragmentPatches(definitions, table);
  }

  /** What an outbound becomes. */
  outbound(plan: OutboundPlan, reusePort: boolean): TranslatedPort {
    const shared = this.#upstream(plan.upstream);
    const key = `${plan.listenerName} ${plan.address} ${plan.port} ${reusePort}`;
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
    const key = `${plan.listenerName} ${plan.address} ${plan.port} ${reusePort} ${JSON.stringify(plan.tags)}`;
    let listener = shared.listeners.get(key);
    if (listener === undefined) {
      const message = inboundListener(plan, shared.parts, reusePort);
      listener = this.#encode("listener", plan.listenerName, ListenerSchema, message, shared.origins);
      shared.listeners.set(key, listener);
    }
    return { cluster: shared.cluster, services: shared.services, listener, route: shared.route };
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

  /** The listener by which Envoy tells its launcher the names of the mesh, and the routes with the names. */
  dns(plan: DnsPlan): { readonly listener: Fragment; readonly route: Fragment } {
    let made = this.#dns.get(plan);
    if (made === undefined) {
      made = {
        listener: this.#encode("listener", plan.name, ListenerSchema, dynamicConfigListener(plan), []),
        route: this.#dnsRoutes(plan),
      };
      this.#dns.set(plan, made);
    }
    return made;
  }

  secret(secret: Secret): Fragment {
    return this.#encode("secret", secret.name, SecretSchema, secret, []);
  }

  #dnsRoutes({ name, records }: DnsPlan): Fragment {
    let byName = this.#names.get(records);
    if (byName === undefined) {
      byName = new Map();
      this.#names.set(records, byName);
    }
    let route = byName.get(name);
    if (route === undefined) {
      route = this.#encode("route", name, RouteConfigurationSchema, dnsRoutes(name, records), []);
      byName.set(name, route);
    }
    return route;
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
