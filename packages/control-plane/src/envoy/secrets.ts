import { create } from "@bufbuild/protobuf";
import { packAny } from "@skein/envoy-api";
import { type DataSource, DataSourceSchema } from "@skein/envoy-api/envoy/config/core/v3/base_pb";
import { TypedExtensionConfigSchema } from "@skein/envoy-api/envoy/config/core/v3/extension_pb";
import {
  CertificateValidationContextSchema,
  TlsCertificateSchema,
} from "@skein/envoy-api/envoy/extensions/transport_sockets/tls/v3/common_pb";
import {
  type Secret,
  SecretSchema,
} from "@skein/envoy-api/envoy/extensions/transport_sockets/tls/v3/secret_pb";
import {
  SPIFFECertValidatorConfigSchema,
  SPIFFECertValidatorConfig_TrustDomainSchema as TrustDomainSchema,
} from "@skein/envoy-api/envoy/extensions/transport_sockets/tls/v3/tls_spiffe_validator_config_pb";
import type { TrustDomainBundle } from "../identity/mesh-trust.ts";

/** The certificate and key that a proxy presents. */
export function certificateSecret(name: string, certificatePem: string, keyPem: string): Secret {
  return create(SecretSchema, {
    name,
    type: {
      case: "tlsCertificate",
      value: create(TlsCertificateSchema, { certificateChain: pem(certificatePem), privateKey: pem(keyPem) }),
    },
  });
}

/** Root certificates that peers are checked against, whatever name they show. */
export function authoritiesSecret(name: string, caPems: readonly string[]): Secret {
  return create(SecretSchema, {
    name,
    type: {
      case: "validationContext",
      value: create(CertificateValidationContextSchema, { trustedCa: pem(joined(caPems)) }),
    },
  });
}

/** Root certificates by trust domain: an id counts only when its own domain's roots vouch for it. */
export function trustBundleSecret(name: string, domains: readonly TrustDomainBundle[]): Secret {
  const config = create(SPIFFECertValidatorConfigSchema, {
    trustDomains: domains.map((domain) =>
      create(TrustDomainSchema, { name: domain.name, trustBundle: pem(domain.pem) }),
    ),
  });
  return create(SecretSchema, {
    name,
    type: {
      case: "validationContext",
      value: create(CertificateValidationContextSchema, {
        customValidatorConfig: create(TypedExtensionConfigSchema, {
          name: "envoy.tls.cert_validator.spiffe",
          typedConfig: packAny(SPIFFECertValidatorConfigSchema, config),
        }),
      }),
    },
  });
}

function pem(text: string): DataSource {
  return create(DataSourceSchema, { specifier: { case: "inlineBytes", value: Buffer.from(text) } });
}

function joined(pems: readonly string[]): string {
  return pems
    .map((text) => text.trim())
    .join("\n")
    .concat("\n");
}
