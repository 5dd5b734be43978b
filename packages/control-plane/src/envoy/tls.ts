import { create, type DescMessage, type MessageShape } from "@bufbuild/protobuf";
import { packAny } from "@skein/envoy-api";
import { type TransportSocket, TransportSocketSchema } from "@skein/envoy-api/envoy/config/core/v3/base_pb";
import {
  CertificateValidationContextSchema,
  SubjectAltNameMatcher_SanType as SanType,
  type SubjectAltNameMatcher,
  SubjectAltNameMatcherSchema,
  type TlsParameters,
  TlsParametersSchema,
  TlsParameters_TlsProtocol as TlsProtocol,
} from "@skein/envoy-api/envoy/extensions/transport_sockets/tls/v3/common_pb";
import {
  type SdsSecretConfig,
  SdsSecretConfigSchema,
} from "@skein/envoy-api/envoy/extensions/transport_sockets/tls/v3/secret_pb";
import {
  CommonTlsContext_CombinedCertificateValidationContextSchema as CombinedSchema,
  type CommonTlsContext,
  CommonTlsContextSchema,
  DownstreamTlsContextSchema,
  UpstreamTlsContextSchema,
} from "@skein/envoy-api/envoy/extensions/transport_sockets/tls/v3/tls_pb";
import { StringMatcherSchema } from "@skein/envoy-api/envoy/type/matcher/v3/string_pb";
import { belowSpiffeId, matchesSpiffeId } from "@skein/model";
import type {
  DirectAccessTlsPlan,
  InboundDraft,
  InboundTlsPlan,
  SpiffeMatch,
  UpstreamTlsPlan,
} from "@skein/policies";
import { ads } from "./values.ts";

/** ALPN that tells mesh TLS from an application's own. */
export const MESH_ALPN = "kuma";

/** The caller's end of mesh TLS. */
export function upstreamTls(plan: UpstreamTlsPlan, params: TlsParameters | undefined): TransportSocket {
  const common = commonTls(
    plan,
    plan.serverIds.map((id) => uriMatcher("exact", id)),
    params && clientParameters(params),
  );
  common.alpnProtocols = [MESH_ALPN];
  return tlsSocket(
    UpstreamTlsContextSchema,
    create(UpstreamTlsContextSchema, { commonTlsContext: common, sni: plan.sni }),
  );
}

/** The caller's end of mesh TLS with whoever of the mesh is at an address. */
export function directAccessTls(plan: DirectAccessTlsPlan): TransportSocket {
  const servers = plan.trustDomains.map(trustDomainMatcher);
  const params = create(TlsParametersSchema, { tlsMaximumProtocolVersion: TlsProtocol.TLSv1_3 });
  const common = commonTls(plan, servers, params);
  common.alpnProtocols = [MESH_ALPN];
  return tlsSocket(UpstreamTlsContextSchema, create(UpstreamTlsContextSchema, { commonTlsContext: common }));
}

/** Envoy's clients go up to TLS 1.2 where they are not told more: below a minimum of 1.3 that would be nothing. */
function clientParameters(params: TlsParameters): TlsParameters {
  const { tlsMinimumProtocolVersion: min, tlsMaximumProtocolVersion: max } = params;
  if (min !== TlsProtocol.TLSv1_3 || max !== TlsProtocol.TLS_AUTO) return params;
  return { ...params, tlsMaximumProtocolVersion: TlsProtocol.TLSv1_3 };
}

/** The called end of mesh TLS: a client certificate of a known trust domain is required, or one of these ids there. */
export function downstreamTls(
  plan: InboundTlsPlan,
  { tlsParams: params, admittedIds }: Pick<InboundDraft, "tlsParams" | "admittedIds">,
): TransportSocket {
  const { trustDomains } = plan;
  // Where the secret alone decides, certificates of two kinds are in use, and it tells them apart better than names can.
  const isNarrowed = admittedIds !== undefined && trustDomains.length > 0;
  const clients = isNarrowed ? idMatchers(admittedIds, trustDomains) : trustDomains.map(trustDomainMatcher);
  return tlsSocket(
    DownstreamTlsContextSchema,
    create(DownstreamTlsContextSchema, {
      commonTlsContext: commonTls(plan, clients, params),
      requireClientCertificate: true,
    }),
  );
}

/** A transport socket with one end's context packed. */
export function tlsSocket<Desc extends DescMessage>(
  schema: Desc,
  context: MessageShape<Desc>,
): TransportSocket {
  return create(TransportSocketSchema, {
    name: "envoy.transport_sockets.tls",
    configType: { case: "typedConfig", value: packAny(schema, context) },
  });
}

function commonTls(
  secrets: { readonly certificateSecret: string; readonly validationSecret: string },
  peers: SubjectAltNameMatcher[],
  params: TlsParameters | undefined,
): CommonTlsContext {
  const common = create(CommonTlsContextSchema, {
    tlsCertificateSdsSecretConfigs: [secretByName(secrets.certificateSecret)],
    validationContextType: {
      case: "combinedValidationContext",
      value: create(CombinedSchema, {
        defaultValidationContext: create(CertificateValidationContextSchema, {
          matchTypedSubjectAltNames: peers,
        }),
        validationContextSdsSecretConfig: secretByName(secrets.validationSecret),
      }),
    },
  });
  if (params !== undefined) common.tlsParams = params;
  return common;
}

/** A secret that comes over the same stream, under this name. */
export function secretByName(name: string): SdsSecretConfig {
  return create(SdsSecretConfigSchema, { name, sdsConfig: ads() });
}

/** Without any matcher Envoy would take every certificate of its authorities, so where nobody is let in there is one for nobody. */
function idMatchers(ids: readonly SpiffeMatch[], trustDomains: readonly string[]): SubjectAltNameMatcher[] {
  const isKnown = ({ value }: SpiffeMatch): boolean =>
    trustDomains.some((domain) => matchesSpiffeId({ type: "Prefix", value: `spiffe://${domain}` }, value));
  const exact = new Set<string>();
  const prefixes = new Set<string>();
  for (const { type, value } of ids.filter(isKnown)) {
    exact.add(value);
    if (type === "Prefix") prefixes.add(belowSpiffeId(value));
  }
  if (exact.size === 0) exact.add(NOBODY);
  return [
    ...[...exact].sort().map((id) => uriMatcher("exact", id)),
    ...[...prefixes].sort().map((id) => uriMatcher("prefix", id)),
  ];
}

/** A URI that no certificate of a mesh has. */
const NOBODY = "urn:nobody";

function trustDomainMatcher(domain: string): SubjectAltNameMatcher {
  return uriMatcher("prefix", `spiffe://${domain}/`);
}

function uriMatcher(kind: "exact" | "prefix", value: string): SubjectAltNameMatcher {
  return create(SubjectAltNameMatcherSchema, {
    sanType: SanType.URI,
    matcher: create(StringMatcherSchema, { matchPattern: { case: kind, value } }),
  });
}
