import type { CertificateAuthority } from "./ca.ts";
import type { SigningAuthority } from "./issuer.ts";
import { issueLeaf } from "./leaf.ts";

/** A CA whose key this control plane holds, as an issuer's authority. */
export function localAuthority(ca: CertificateAuthority): SigningAuthority {
  return { id: ca.id, issue: (leaf) => issueLeaf(ca, leaf) };
}
