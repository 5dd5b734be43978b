import { create } from "@bufbuild/protobuf";
import { packAny } from "@skein/envoy-api";
import {
  type Cluster,
  Cluster_DiscoveryType,
  ClusterSchema,
} from "@skein/envoy-api/envoy/config/cluster/v3/cluster_pb";
import { AddressSchema, PipeSchema } from "@skein/envoy-api/envoy/config/core/v3/address_pb";
import { TransportSocketSchema } from "@skein/envoy-api/envoy/config/core/v3/base_pb";
import {
  EndpointSchema,
  LbEndpointSchema,
  LocalityLbEndpointsSchema,
} from "@skein/envoy-api/envoy/config/endpoint/v3/endpoint_components_pb";
import { ClusterLoadAssignmentSchema } from "@skein/envoy-api/envoy/config/endpoint/v3/endpoint_pb";
import {
  type Filter,
  FilterChainMatchSchema,
  FilterChainSchema,
  ListenerFilterSchema,
} from "@skein/envoy-api/envoy/config/listener/v3/listener_components_pb";
import { type Listener, ListenerSchema } from "@skein/envoy-api/envoy/config/listener/v3/listener_pb";
import {
  RouteActionSchema,
  RouteMatchSchema,
  RouteSchema,
  VirtualHostSchema,
} from "@skein/envoy-api/envoy/config/route/v3/route_components_pb";
import { RouteConfigurationSchema } from "@skein/envoy-api/envoy/config/route/v3/route_pb";
import { TlsInspectorSchema } from "@skein/envoy-api/envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector_pb";
import { HttpConnectionManagerSchema } from "@skein/envoy-api/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb";
import {
  CertificateValidationContextSchema,
  SubjectAltNameMatcher_SanType as SanType,
  SubjectAltNameMatcherSchema,
} from "@skein/envoy-api/envoy/extensions/transport_sockets/tls/v3/common_pb";
import { SdsSecretConfigSchema } from "@skein/envoy-api/envoy/extensions/transport_sockets/tls/v3/secret_pb";
import {
  CommonTlsContext_CombinedCertificateValidationContextSchema as CombinedSchema,
  CommonTlsContextSchema,
  DownstreamTlsContextSchema,
} from "@skein/envoy-api/envoy/extensions/transport_sockets/tls/v3/tls_pb";
import { StringMatcherSchema } from "@skein/envoy-api/envoy/type/matcher/v3/string_pb";
import type { AdminPlan } from "@skein/policies";
import { altStatName, networkFilter } from "@skein/policies";
import { baseHttpFilters } from "./http.ts";
import { ads, socketAddress } from "./values.ts";

/** Names of the SDS secrets of the admin listener. */
export const ADMIN_SECRETS = {
  certificate: "system_envoy_admin_cert",
  validation: "system_envoy_admin_ca",
} as const;

/** Envoy's own admin interface, as a cluster. */
export function adminCluster(plan: AdminPlan): Cluster {
  const { target } = plan;
  const address =
    "socket" in target
      ? create(AddressSchema, {
          address: { case: "pipe", value: create(PipeSchema, { path: target.socket }) },
        })
      : socketAddress(target.address, target.port);
  return create(ClusterSchema, {
    name: plan.name,
    altStatName: altStatName(plan.name),
    clusterDiscoveryType: { case: "type", value: Cluster_DiscoveryType.STATIC },
    loadAssignment: create(ClusterLoadAssignmentSchema, {
      clusterName: plan.name,
      endpoints: [
        create(LocalityLbEndpointsSchema, {
          lbEndpoints: [
            create(LbEndpointSchema, {
              hostIdentifier: { case: "endpoint", value: create(EndpointSchema, { address }) },
            }),
          ],
        }),
      ],
    }),
  });
}

/**
 * Opens the admin interface to the control plane and to nobody else: without TLS only `/ready` answers, and the rest
 * needs the one client certificate that names the control plane.
 */
export function adminListener(plan: AdminPlan, clientUri: string): Listener {
  return create(ListenerSchema, {
    name: plan.name,
    address: socketAddress(plan.address, plan.port),
    statPrefix: altStatName(plan.name),
    listenerFilters: [
      create(ListenerFilterSchema, {
        name: "envoy.filters.listener.tls_inspector",
        configType: { case: "typedConfig", value: packAny(TlsInspectorSchema, create(TlsInspectorSchema)) },
      }),
    ],
    filterChains: [
      create(FilterChainSchema, { filters: [proxyTo(plan, { case: "path", value: "/ready" })] }),
      create(FilterChainSchema, {
        filterChainMatch: create(FilterChainMatchSchema, { transportProtocol: "tls" }),
        filters: [proxyTo(plan, { case: "prefix", value: "/" })],
        transportSocket: create(TransportSocketSchema, {
          name: "envoy.transport_sockets.tls",
          configType: { case: "typedConfig", value: packAny(DownstreamTlsContextSchema, tls(clientUri)) },
        }),
      }),
    ],
  });
}

function tls(clientUri: string) {
  const secret = (name: string) => create(SdsSecretConfigSchema, { name, sdsConfig: ads() });
  return create(DownstreamTlsContextSchema, {
    requireClientCertificate: true,
    commonTlsContext: create(CommonTlsContextSchema, {
      tlsCertificateSdsSecretConfigs: [secret(ADMIN_SECRETS.certificate)],
      validationContextType: {
        case: "combinedValidationContext",
        value: create(CombinedSchema, {
          defaultValidationContext: create(CertificateValidationContextSchema, {
            matchTypedSubjectAltNames: [
              create(SubjectAltNameMatcherSchema, {
                sanType: SanType.URI,
                matcher: create(StringMatcherSchema, { matchPattern: { case: "exact", value: clientUri } }),
              }),
            ],
          }),
          validationContextSdsSecretConfig: secret(ADMIN_SECRETS.validation),
        }),
      },
    }),
  });
}

function proxyTo(plan: AdminPlan, path: { case: "path" | "prefix"; value: string }): Filter {
  const route = create(RouteSchema, {
    match: create(RouteMatchSchema, { pathSpecifier: path }),
    action: {
      case: "route",
      value: create(RouteActionSchema, { clusterSpecifier: { case: "cluster", value: plan.name } }),
    },
  });
  return networkFilter(
    "envoy.filters.network.http_connection_manager",
    HttpConnectionManagerSchema,
    create(HttpConnectionManagerSchema, {
      statPrefix: altStatName(plan.name) || plan.name,
      httpFilters: baseHttpFilters("http"),
      routeSpecifier: {
        case: "routeConfig",
        value: create(RouteConfigurationSchema, {
          name: plan.name,
          virtualHosts: [create(VirtualHostSchema, { name: plan.name, domains: ["*"], routes: [route] })],
          validateClusters: false,
        }),
      },
    }),
  );
}
