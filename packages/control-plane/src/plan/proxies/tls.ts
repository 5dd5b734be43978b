import type { DirectAccessTlsPlan, IdentityPlan, InboundTlsPlan } from "@skein/policies";
import { type DataplaneIdentity, TRUST_BUNDLE_SECRET } from "../identities.ts";

/** How a proxy takes TLS of the mesh; `undefined` where it has no certificate. @param domains whose ids it takes */
export function inboundTls(
  own: Pick<DataplaneIdentity, "inTransition">,
  certificate: IdentityPlan | undefined,
  domains: readonly string[],
  mode: "Strict" | "Permissive" | undefined,
): InboundTlsPlan | undefined {
  if (certificate === undefined) return undefined;
  return {
    mode: own.inTransition || mode === "Permissive" ? "permissive" : "strict",
    ...peerTls(certificate, domains),
  };
}

/** Mesh TLS with anybody of the mesh. */
export function peerTls(certificate: IdentityPlan, domains: readonly string[]): DirectAccessTlsPlan {
  return {
    certificateSecret: certificate.certificateSecret,
    validationSecret: certificate.validationSecret,
    trustDomains:
      certificate.kind === "mesh-mtls" && certificate.validationSecret === TRUST_BUNDLE_SECRET ? [] : domains,
  };
}
