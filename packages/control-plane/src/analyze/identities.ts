import type { DataplaneInsightResource, MeshTrustResource } from "@skein/model";
import { parseCertificates } from "../identity/ca.ts";
import { type Finding, finding } from "./finding.ts";
import type { Scope } from "./scope.ts";

const DAY_MS = 86_400_000;
/** A CA that ends within this time should have a successor by now. */
const CA_SOON_MS = 30 * DAY_MS;

/** SK0401: proxies that cannot call, because what they call takes TLS only. */
export function proxiesWithoutIdentity({ dataplanes, plans }: Scope): readonly Finding[] {
  const isStrict = [...plans.values()].some(({ inbounds }) =>
    inbounds.some(({ shared }) => shared.tls?.mode === "strict"),
  );
  if (!isStrict) return [];
  return dataplanes.flatMap((dataplane): readonly Finding[] => {
    const plan = plans.get(dataplane.name);
    if (plan === undefined || plan.identity !== undefined) return [];
    const why =
      plan.conditions.find(({ type }) => type === "NoIdentity")?.message ?? "no MeshIdentity selects it";
    return [
      finding(
        "SK0401",
        dataplane,
        "",
        `it has no identity, so strict servers refuse it and it takes plaintext: ${why}`,
      ),
    ];
  });
}

/** SK0403: CAs in MeshTrusts and Secrets that end soon. */
export function expiringAuthorities({ resources, now, secret }: Scope): readonly Finding[] {
  return resources.flatMap((resource): readonly Finding[] => {
    const pems =
      resource.type === "MeshTrust"
        ? ((resource as MeshTrustResource).spec.caBundles ?? []).map(
            ({ pem }, i) => [`spec.caBundles[${i}]`, pem?.value ?? ""] as const,
          )
        : resource.type === "Secret"
          ? [["data", secret(resource) ?? ""] as const]
          : [];
    return pems.flatMap(([path, pem]) =>
      (parseCertificates(pem) ?? [])
        .filter((certificate) => certificate.ca && certificate.validToDate.getTime() - now < CA_SOON_MS)
        .map((certificate) => {
          const end = certificate.validToDate;
          const left = Math.floor((end.getTime() - now) / DAY_MS);
          const when = left < 0 ? "has expired" : `expires in ${left} days`;
          return finding(
            "SK0403",
            resource,
            path,
            `the CA ${certificate.subject.replaceAll("\n", ", ")} ${when} (${end.toISOString()})`,
            left < 0 ? "error" : "warning",
          );
        }),
    );
  });
}

/** SK0404: certificates of proxies that should have been renewed long ago. */
export function expiringCertificates({ resources, now }: Scope): readonly Finding[] {
  return resources.flatMap((resource): readonly Finding[] => {
    if (resource.type !== "DataplaneInsight") return [];
    const { mTLS } = (resource as DataplaneInsightResource).spec;
    const end = Date.parse(mTLS?.certificateExpirationTime ?? "");
    const begin = Date.parse(mTLS?.lastCertificateRegeneration ?? "");
    if (Number.isNaN(end)) return [];
    // Renewed at two thirds of its life; with a sixth left, several attempts have failed.
    const isLate = now >= end || (!Number.isNaN(begin) && end - now < (end - begin) / 6);
    if (!isLate) return [];
    const what = now >= end ? "expired" : "should have been renewed by now and expires";
    return [
      finding(
        "SK0404",
        resource,
        "mTLS.certificateExpirationTime",
        `the certificate of ${resource.name} ${what} at ${new Date(end).toISOString()}`,
      ),
    ];
  });
}
