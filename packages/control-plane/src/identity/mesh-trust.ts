import type { MeshTrustSpec, MeshTrustStatus } from "@skein/model/kinds/mesh-trust";
import type { NewResource, Resource, ResourceKey } from "@skein/model/resource";
import { certificateId, parseCertificates } from "./ca.ts";

/** A MeshIdentity that vouches for a CA. */
export interface TrustOrigin {
  readonly key: ResourceKey;
  readonly kri: string;
  readonly trustDomain: string;
  /** The CA's `trustPem`. */
  readonly caPem: string;
}

/**
 * The MeshTrust that a MeshIdentity should have: of the same name, without labels. It is the Mesh's and not owned by the
 * MeshIdentity, because that one's certificates must stay trusted after it. A CA that is not in it yet is appended. What
 * is there stays: old CAs, since certificates of theirs are still in use, and the trust domain. Undefined when there is
 * nothing to write.
 */
export function desiredMeshTrust(
  origin: TrustOrigin,
  existing: Resource<MeshTrustSpec, MeshTrustStatus> | undefined,
): NewResource<MeshTrustSpec, MeshTrustStatus> | undefined {
  const bundle = { type: "Pem", pem: { value: origin.caPem } } as const;
  if (existing === undefined) {
    return {
      type: "MeshTrust",
      mesh: origin.key.mesh,
      name: origin.key.name,
      labels: {},
      spec: { trustDomain: origin.trustDomain, caBundles: [bundle] },
      status: { origin: { kri: origin.kri } },
    };
  }
  const trusted = new Set(existing.spec.caBundles.flatMap(bundleIds));
  if (bundleIds(bundle).every((id) => trusted.has(id))) return undefined;
  const { type, mesh, name, labels, spec, status, owner } = existing;
  return {
    type,
    mesh,
    name,
    labels,
    spec: { ...spec, caBundles: [...spec.caBundles, bundle] },
    ...(status !== undefined && { status }),
    ...(owner !== undefined && { owner }),
  };
}

/** One trust domain with all that is trusted for it. */
export interface TrustDomainBundle {
  readonly name: string;
  /** PEM of its CAs, joined. */
  readonly pem: string;
}

/**
 * What a mesh's proxies trust: the CAs of all MeshTrusts, and those of `Mesh.mtls` under the mesh's name, by trust
 * domain. Sorted by domain; in a domain by content, so that the order of the inputs does not show, and each CA once.
 */
export function trustBundle(
  trusts: readonly MeshTrustSpec[],
  legacy: { readonly mesh: string; readonly caPems: readonly string[] } | undefined,
): readonly TrustDomainBundle[] {
  const domains = new Map<string, Map<string, string>>();
  const add = (domain: string, pem: string): void => {
    const bundles = domains.get(domain) ?? new Map<string, string>();
    domains.set(domain, bundles);
    for (const certificate of parseCertificates(pem) ?? []) {
      bundles.set(certificateId(certificate), certificate.toString().trim());
    }
  };
  for (const trust of trusts) {
    for (const bundle of trust.caBundles) add(trust.trustDomain, bundle.pem?.value ?? "");
  }
  for (const pem of legacy?.caPems ?? []) add(legacy?.mesh ?? "", pem);
  return [...domains]
    .map(([name, bundles]) => ({ name, pem: `${[...bundles.values()].sort().join("\n")}\n` }))
    .filter(({ pem }) => pem !== "\n")
    .sort((one, other) => (one.name < other.name ? -1 : 1));
}

function bundleIds(bundle: MeshTrustSpec["caBundles"][number]): readonly string[] {
  const pem = bundle.pem?.value ?? "";
  return parseCertificates(pem)?.map(certificateId) ?? [pem];
}
