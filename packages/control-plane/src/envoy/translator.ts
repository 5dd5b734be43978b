import { ClusterSchema } from "@skein/envoy-api/envoy/config/cluster/v3/cluster_pb";
import { ClusterLoadAssignmentSchema } from "@skein/envoy-api/envoy/config/endpoint/v3/endpoint_pb";
import { ListenerSchema } from "@skein/envoy-api/envoy/config/listener/v3/listener_pb";
import { RouteConfigurationSchema } from "@skein/envoy-api/envoy/config/route/v3/route_pb";
import {
  type Secret,
  SecretSchema,
} from "@skein/envoy-api/envoy/extensions/transport_sockets/tls/v3/secret_pb";
import type {
  AdminPlan,
  DnsPlan,
  EgressPlan,
  EndpointsPlan,
  GatewayPortPlan,
  InboundPlan,
  OutboundPlan,
  PolicyDefinition,
  PolicyPlans,
  ProxyPlan,
  UpstreamPlan,
} from "@skein/policies";
import { ADMIN_CLIENT_URI } from "../envoy-admin/authority.ts";
import { getOrMake } from "../get-or-make.ts";
import type { Fragment } from "../xds/fragment.ts";
import type { FragmentTable } from "../xds/fragment-table.ts";
import { adminCluster, adminListener } from "./admin.ts";
import { dnsRoutes, dynamicConfigListener } from "./dynamic-config.ts";
import { EgressTranslator, type TranslatedEgress } from "./egress-translator.ts";
import { Encoder } from "./encoder.ts";
import { loadAssignment } from "./endpoints.ts";
import { type FragmentPatch, FragmentPatches } from "./fragment-patch.ts";
import { GatewayTranslator, type TranslatedGatewayPort } from "./gateway-translator.ts";
import { InboundTranslator, type TranslatedPort } from "./inbound-translator.ts";
import { Origins } from "./origins.ts";
import { type TransparentFragments, TransparentTranslator } from "./transparent-translator.ts";
import { type TranslatedOutbound, Ways } from "./ways.ts";

/**
 * Turns plans into fragments. Plans are shared between proxies and immutable, so each is translated and encoded once,
 * and its fragments live as long as the plan. A fragment depends on the plan it is made from and nothing else.
 */
export class Translator {
  readonly #encoder: Encoder;
  readonly #patches: FragmentPatches;
  readonly #ways: Ways;
  readonly #inbounds: InboundTranslator;
  readonly #egresses: EgressTranslator;
  readonly #gateways: GatewayTranslator;
  readonly #transparent: TransparentTranslator;
  readonly #admins = new WeakMap<AdminPlan, { readonly cluster: Fragment; readonly listener: Fragment }>();
  readonly #dns = new WeakMap<DnsPlan, { readonly listener: Fragment; readonly route: Fragment }>();
  /** Routes by the names in them, which many proxies share. */
  readonly #names = new WeakMap<DnsPlan["records"], Map<string, Fragment>>();
  readonly #endpoints = new WeakMap<EndpointsPlan, Map<string, Fragment>>();

  constructor(definitions: readonly PolicyDefinition[], table: FragmentTable) {
    const encoder = new Encoder(table);
    const origins = new Origins(definitions, table);
    this.#encoder = encoder;
    this.#patches = new FragmentPatches(definitions, table);
    this.#ways = new Ways(definitions, table, origins);
    this.#inbounds = new InboundTranslator(definitions, encoder, origins);
    this.#egresses = new EgressTranslator(definitions, encoder, origins);
    this.#gateways = new GatewayTranslator(definitions, encoder, origins);
    this.#transparent = new TransparentTranslator(definitions, encoder, origins, this.#inbounds);
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
    return this.#inbounds.inbound(plan, reusePort);
  }

  /** What a listener becomes by which others leave the mesh, with a cluster and routes for each service outside. */
  egress(plan: EgressPlan, reusePort: boolean): TranslatedEgress {
    return this.#egresses.egress(plan, reusePort);
  }

  /** What a port of a built-in gateway becomes. @param kri of the MeshGateway */
  gateway(plan: GatewayPortPlan, kri: string, reusePort: boolean): TranslatedGatewayPort {
    return this.#gateways.port(plan, kri, reusePort);
  }

  /** What takes the connections that are redirected to a proxy; nothing where none are. */
  transparent(plan: ProxyPlan, reusePort: boolean): TransparentFragments {
    return this.#transparent.transparent(plan, reusePort);
  }

  /** What takes the connections of applications to instances by their own addresses. */
  directAccess(plan: ProxyPlan, reusePort: boolean): TransparentFragments {
    return this.#transparent.directAccess(plan, reusePort);
  }

  /** The endpoints of a cluster. */
  endpoints(clusterName: string, plan: EndpointsPlan): Fragment {
    const byName = getOrMake(this.#endpoints, plan, () => new Map());
    let fragment = byName.get(clusterName);
    if (fragment === undefined) {
      const message = loadAssignment(clusterName, plan);
      const origins = plan.policies ?? [];
      fragment = this.#encoder.message(
        "endpoint",
        clusterName,
        ClusterLoadAssignmentSchema,
        message,
        origins,
      );
      byName.set(clusterName, fragment);
    }
    return fragment;
  }

  /** Cluster and listener of Envoy's admin interface. */
  admin(plan: AdminPlan): { readonly cluster: Fragment; readonly listener: Fragment } {
    return getOrMake(this.#admins, plan, () => ({
      cluster: this.#encoder.message("cluster", plan.name, ClusterSchema, adminCluster(plan), []),
      listener: this.#encoder.message(
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
      listener: this.#encoder.message("listener", plan.name, ListenerSchema, dynamicConfigListener(plan), []),
      route: this.#dnsRoutes(plan),
    }));
  }

  /** What a proxy is sent as a secret. */
  secret(secret: Secret): Fragment {
    return this.#encoder.message("secret", secret.name, SecretSchema, secret, []);
  }

  #dnsRoutes({ name, records }: DnsPlan): Fragment {
    const byName = getOrMake(this.#names, records, () => new Map());
    return getOrMake(byName, name, () =>
      this.#encoder.message("route", name, RouteConfigurationSchema, dnsRoutes(name, records), []),
    );
  }
}
