import { create } from "@bufbuild/protobuf";
import {
  type Cluster,
  Cluster_DiscoveryType as DiscoveryType,
  Cluster_DnsLookupFamily as DnsFamily,
} from "@skein/envoy-api/envoy/config/cluster/v3/cluster_pb";
import { type Address, AddressSchema, PipeSchema } from "@skein/envoy-api/envoy/config/core/v3/address_pb";
import {
  DataSourceSchema,
  LocalitySchema,
  type TransportSocket,
} from "@skein/envoy-api/envoy/config/core/v3/base_pb";
import {
  EndpointSchema,
  Endpoint_HealthCheckConfigSchema as HealthCheckConfigSchema,
  type LbEndpoint,
  LbEndpointSchema,
  LocalityLbEndpointsSchema,
} from "@skein/envoy-api/envoy/config/endpoint/v3/endpoint_components_pb";
import { ClusterLoadAssignmentSchema } from "@skein/envoy-api/envoy/config/endpoint/v3/endpoint_pb";
import {
  CertificateValidationContextSchema,
  SubjectAltNameMatcher_SanType as SanType,
  type SubjectAltNameMatcher,
  SubjectAltNameMatcherSchema,
  TlsParametersSchema,
  TlsParameters_TlsProtocol as TlsProtocol,
} from "@skein/envoy-api/envoy/extensions/transport_sockets/tls/v3/common_pb";
import {
  CommonTlsContext_CombinedCertificateValidationContextSchema as CombinedSchema,
  type CommonTlsContext,
  CommonTlsContextSchema,
  UpstreamTlsContextSchema,
} from "@skein/envoy-api/envoy/extensions/transport_sockets/tls/v3/tls_pb";
import { StringMatcherSchema } from "@skein/envoy-api/envoy/type/matcher/v3/string_pb";
import type {
  ExternalEndpointPlan,
  ExternalPlan,
  ExternalSanPlan,
  ExternalTlsPlan,
  ExternalTlsVersion,
  Protocol,
} from "@skein/policies";
import { secretByName, tlsSocket } from "./tls.ts";
import { socketAddress } from "./values.ts";

/** Where the endpoints are: in the cluster itself, for nobody else shares them. None while nothing can be sent there. */
export function locate(cluster: Cluster, plan: ExternalPlan): void {
  const endpoints = plan.problem === undefined ? plan.endpoints : [];
  const hasNames = endpoints.some((endpoint) => "host" in endpoint && endpoint.isName);
  cluster.edsClusterConfig = undefined;
  cluster.clusterDiscoveryType = {
    case: "type",
    value: hasNames ? DiscoveryType.STRICT_DNS : DiscoveryType.STATIC,
  };
  if (hasNames) {
    cluster.dnsLookupFamily = plan.family === "v4" ? DnsFamily.V4_ONLY : DnsFamily.V4_PREFERRED;
    cluster.respectDnsTtl = true;
  }
  const byPriority = [...Map.groupBy(endpoints, ({ priority }) => priority)];
  cluster.loadAssignment = create(ClusterLoadAssignmentSchema, {
    clusterName: cluster.name,
    endpoints: byPriority.map(([priority, list]) =>
      create(LocalityLbEndpointsSchema, {
        priority,
        locality: create(LocalitySchema, { subZone: list[0]?.subZone ?? "" }),
        lbEndpoints: list.map((endpoint) => lbEndpoint(endpoint, plan.tls?.sni)),
      }),
    ),
  });
}

function lbEndpoint(endpoint: ExternalEndpointPlan, serverName: string | undefined): LbEndpoint {
  // Requests are for this host: its own name, else the one that its certificate is asked for.
  const name = "host" in endpoint && endpoint.isName ? endpoint.host : serverName;
  return create(LbEndpointSchema, {
    hostIdentifier: {
      case: "endpoint",
      value: create(EndpointSchema, {
        address: addressOf(endpoint),
        ...(name === undefined
          ? {}
          : { hostname: name, healthCheckConfig: create(HealthCheckConfigSchema, { hostname: name }) }),
      }),
    },
  });
}

function addressOf(endpoint: ExternalEndpointPlan): Address {
  if ("host" in endpoint) return socketAddress(endpoint.host, endpoint.port);
  return create(AddressSchema, {
    address: { case: "pipe", value: create(PipeSchema, { path: endpoint.socket }) },
  });
}

/** TLS that begins at the caller's proxy. It has nothing to do with the mesh's own. */
export function externalTls(plan: ExternalTlsPlan, protocol: Protocol): TransportSocket {
  const common = create(CommonTlsContextSchema, {
    tlsParams: create(TlsParametersSchema, {
      tlsMinimumProtocolVersion: VERSIONS[plan.min],
      // Envoy's clients stop at TLS 1.2 where nothing is said.
      tlsMaximumProtocolVersion: VERSIONS[plan.max === "TLSAuto" ? "TLS13" : plan.max],
    }),
    alpnProtocols: ALPN[protocol],
    validationContextType: validation(plan),
    tlsCertificateSdsSecretConfigs: plan.clientSecret === undefined ? [] : [secretByName(plan.clientSecret)],
  });
  const context = create(UpstreamTlsContextSchema, {
    commonTlsContext: common,
    sni: plan.sni ?? "",
    allowRenegotiation: plan.allowRenegotiation,
  });
  return tlsSocket(UpstreamTlsContextSchema, context);
}

const VERSIONS: Readonly<Record<ExternalTlsVersion, TlsProtocol>> = {
  TLSAuto: TlsProtocol.TLS_AUTO,
  TLS10: TlsProtocol.TLSv1_0,
  TLS11: TlsProtocol.TLSv1_1,
  TLS12: TlsProtocol.TLSv1_2,
  TLS13: TlsProtocol.TLSv1_3,
};

/** What is spoken inside, for servers that decide by it. Of bytes nothing is known. */
const ALPN: Readonly<Record<Protocol, string[]>> = {
  tcp: [],
  http: ["http/1.1"],
  http2: ["h2"],
  grpc: ["h2"],
};

function validation({ authorities, sans }: ExternalTlsPlan): CommonTlsContext["validationContextType"] {
  if (authorities === undefined) return { case: undefined };
  const matchTypedSubjectAltNames = sans.flatMap(sanMatchers);
  if ("file" in authorities) {
    return {
      case: "validationContext",
      value: create(CertificateValidationContextSchema, {
        trustedCa: create(DataSourceSchema, { specifier: { case: "filename", value: authorities.file } }),
        matchTypedSubjectAltNames,
      }),
    };
  }
  return {
    case: "combinedValidationContext",
    value: create(CombinedSchema, {
      defaultValidationContext: create(CertificateValidationContextSchema, { matchTypedSubjectAltNames }),
      validationContextSdsSecretConfig: secretByName(authorities.secret),
    }),
  };
}

/** A name counts as host name or as address, whichever the certificate has; what looks like a URI is one. */
function sanMatchers({ match, value }: ExternalSanPlan): readonly SubjectAltNameMatcher[] {
  const types = value.includes("://") ? [SanType.URI] : [SanType.DNS, SanType.IP_ADDRESS];
  return types.map((sanType) =>
    create(SubjectAltNameMatcherSchema, {
      sanType,
      matcher: create(StringMatcherSchema, { matchPattern: { case: match, value } }),
    }),
  );
}
