import {
  type DataplaneResource,
  enabledMtlsBackend,
  type HostnameGeneratorResource,
  type MeshExternalServiceResource,
  type MeshGatewayResource,
  type MeshIdentityResource,
  type MeshResource,
  type MeshTrustResource,
  type Resource,
} from "@skein/model";
import { builtinSecretNames } from "../identity/builtin.ts";
import { bundledSecretNames } from "../identity/bundled.ts";
import { certificateId, parseCertificates } from "../identity/ca.ts";
import { isReady } from "../identity/conditions.ts";
import {
  bestIdentity,
  matchingIdentities,
  type NamingContext,
  trustDomainOf,
} from "../identity/selection.ts";
import type { Store } from "../store/store.ts";
import { deletedGatewayWarnings, gatewaysWithout } from "./gateway.ts";
import { deletedGeneratorWarnings, namedServiceWarnings } from "./naming.ts";
import { count, examples } from "./sentences.ts";

/** What proxies of a mesh are protected by. */
interface Protection {
  readonly mesh: MeshResource | undefined;
  readonly dataplanes: readonly DataplaneResource[];
  readonly identities: readonly MeshIdentityResource[];
}

/** How deleting a resource, which the store still holds, leaves proxies less protected, or calls without an answer. */
export function deleteWarnings(deleted: Resource, store: Store, naming: NamingContext): readonly string[] {
  const { mesh } = deleted;
  const protection = (): Protection => ({
    mesh: store.get<MeshResource>({ type: "Mesh", mesh: "", name: mesh }),
    dataplanes: store.list<DataplaneResource>({ type: "Dataplane", mesh }),
    identities: store.list<MeshIdentityResource>({ type: "MeshIdentity", mesh }),
  });
  switch (deleted.type) {
    case "MeshIdentity":
      return identityWarnings(deleted as MeshIdentityResource, protection());
    case "MeshTrust": {
      const trusts = store.list<MeshTrustResource>({ type: "MeshTrust", mesh });
      return trustWarnings(deleted as MeshTrustResource, trusts, protection(), naming);
    }
    case "MeshService":
    case "MeshExternalService":
    case "MeshMultiZoneService":
      return namedServiceWarnings(deleted, store);
    case "HostnameGenerator":
      return deletedGeneratorWarnings(deleted as HostnameGeneratorResource, store);
    case "MeshGateway":
      return deletedGatewayWarnings(deleted as MeshGatewayResource, store);
    case "Secret":
      return [
        ...secretWarnings(deleted.name, protection()),
        ...externalServicesWithout(
          deleted.name,
          store.list<MeshExternalServiceResource>({ type: "MeshExternalService", mesh }),
        ),
        ...gatewaysWithout(deleted.name, store.list<MeshGatewayResource>({ type: "MeshGateway", mesh })),
      ];
    default:
      return [];
  }
}

function identityWarnings(
  deleted: MeshIdentityResource,
  { mesh, dataplanes, identities }: Protection,
): readonly string[] {
  const issues = deleted.spec.provider !== undefined && mesh?.spec.meshServices?.mode === "Exclusive";
  if (!issues || enabledMtlsBackend(mesh.spec) !== undefined) return [];
  const others = identities.filter(
    ({ name, status }) => name !== deleted.name && isReady(status?.conditions),
  );
  const opened = dataplanes.filter(
    ({ labels }) =>
      matchingIdentities([deleted], labels).length > 0 && matchingIdentities(others, labels).length === 0,
  );
  if (opened.length === 0) return [];
  const they = opened.length === 1 ? "it takes" : "they take";
  return [
    `${count(opened.length, "dataplane")} ${opened.length === 1 ? "has" : "have"} no other identity, so ${they} plaintext from anybody and no permission applies: ${examples(opened)}`,
  ];
}

function trustWarnings(
  deleted: MeshTrustResource,
  trusts: readonly MeshTrustResource[],
  { dataplanes, identities }: Protection,
  naming: NamingContext,
): readonly string[] {
  const { trustDomain } = deleted.spec;
  const kept = new Set(
    trusts
      .filter(({ name, spec }) => name !== deleted.name && spec.trustDomain === trustDomain)
      .flatMap(certificateIds),
  );
  if (certificateIds(deleted).every((id) => kept.has(id))) return [];
  const verified = dataplanes.filter(({ labels }) => {
    const identity = bestIdentity(identities, labels);
    const domain = identity === undefined ? undefined : trustDomainOf(naming, identity);
    return domain?.ok === true && domain.value === trustDomain;
  });
  if (verified.length === 0) return [];
  return [
    `certificates of trust domain "${trustDomain}", which ${count(verified.length, "dataplane")} ${verified.length === 1 ? "presents" : "present"}, may not be trusted any more, and calls with them fail: ${examples(verified)}`,
  ];
}

function secretWarnings(name: string, { mesh, dataplanes, identities }: Protection): readonly string[] {
  const warnings: string[] = [];
  for (const identity of identities) {
    const selected = dataplanes.filter(({ labels }) => bestIdentity(identities, labels) === identity);
    if (!secretsOfIdentity(identity).includes(name) || selected.length === 0) continue;
    warnings.push(cannotIssue(`MeshIdentity "${identity.name}"`, selected));
  }
  const backend = mesh === undefined ? undefined : enabledMtlsBackend(mesh.spec);
  if (mesh === undefined || backend === undefined || dataplanes.length === 0) return warnings;
  const { certificate, privateKey } = builtinSecretNames(mesh.name, backend.name ?? "");
  const read =
    backend.type === "builtin"
      ? [certificate, privateKey]
      : [backend.conf?.cert?.secret, backend.conf?.key?.secret];
  if (read.includes(name)) warnings.push(cannotIssue(`mtls backend "${backend.name}"`, dataplanes));
  return warnings;
}

function externalServicesWithout(
  secret: string,
  services: readonly MeshExternalServiceResource[],
): readonly string[] {
  return services.flatMap(({ name, spec }) => {
    if (spec.tls?.enabled !== true) return [];
    const { caCert, clientCert, clientKey } = spec.tls.verification ?? {};
    if (![caCert, clientCert, clientKey].some((source) => source?.secret === secret)) return [];
    return [`MeshExternalService "${name}" reads it, and nothing is sent there without it`];
  });
}

function secretsOfIdentity(identity: MeshIdentityResource): readonly (string | undefined)[] {
  const bundled = identity.spec.provider?.bundled;
  if (bundled?.autogenerate?.enabled === true) {
    const names = bundledSecretNames(identity.labels["kuma.io/display-name"] || identity.name);
    return [names.certificate, names.privateKey];
  }
  return [bundled?.ca?.certificate?.secretRef?.name, bundled?.ca?.privateKey?.secretRef?.name];
}

function cannotIssue(issuer: string, dataplanes: readonly DataplaneResource[]): string {
  return `${issuer} reads it, and cannot issue or renew the certificates of ${count(dataplanes.length, "dataplane")} without it: ${examples(dataplanes)}`;
}

function certificateIds({ spec }: MeshTrustResource): readonly string[] {
  return spec.caBundles.flatMap(({ pem }) => {
    const value = pem?.value ?? "";
    return parseCertificates(value)?.map(certificateId) ?? [value];
  });
}
