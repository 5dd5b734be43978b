import {
  type Caller,
  type InboundSharedPlan,
  meshTrafficPermission,
  type PermissionPlan,
  planOf,
  tagUris,
  verdict,
} from "@skein/policies";

/** Who is let in by the inbounds behind a destination, by the same plan from which Envoy is told. */
export interface Admission {
  /** Server name that callers ask for. */
  readonly sni: string;
  /** Callers with a certificate use it. */
  readonly acceptsTls: boolean;
  /** The inbounds of all instances, each kind once. Without any there is nobody who could refuse. */
  readonly inbounds: readonly InboundSharedPlan[];
}

/** A term for callers that rules do not tell apart, and for those without a certificate. */
const ANYBODY = "*";

/** Whether some instance may let in a caller that presents one of these certificates, each given as its URIs. */
export function mayCall(
  { sni, acceptsTls, inbounds }: Admission,
  certificates: readonly (readonly string[])[],
): boolean {
  if (inbounds.length === 0) return true;
  return inbounds.some(({ tls, policies }) => {
    const permissions = planOf(meshTrafficPermission, policies);
    if (permissions === undefined || tls === undefined) return true;
    if (tls.mode !== "strict" && (certificates.length === 0 || !acceptsTls)) return true;
    return certificates.some((uris) => verdict(permissions, { uris, sni } satisfies Caller).allowed);
  });
}

/**
 * Terms under which a destination is found: whoever `mayCall` lets in has one of them among its own. So a caller looks
 * at the destinations that have something to do with it, and not at all of them.
 */
export function termsOf({ inbounds, acceptsTls }: Admission): ReadonlySet<string> {
  const terms = new Set<string>();
  if (inbounds.length === 0) terms.add(ANYBODY);
  for (const { tls, policies } of inbounds) {
    const permissions = planOf(meshTrafficPermission, policies);
    const isOpen = permissions === undefined || tls === undefined;
    if (isOpen || (tls.mode !== "strict" && !acceptsTls)) terms.add(ANYBODY);
    else {
      if (tls.mode !== "strict") terms.add(NO_CERTIFICATE);
      for (const term of permissionTerms(permissions)) terms.add(term);
    }
  }
  return terms;
}

/** The terms of a caller: its ids with everything that is a prefix of one, by whole segments. */
export function callerTerms(certificates: readonly (readonly string[])[]): ReadonlySet<string> {
  const terms = new Set<string>([ANYBODY]);
  if (certificates.length === 0) terms.add(NO_CERTIFICATE);
  for (const uri of certificates.flat()) {
    for (let at = uri.indexOf("/", uri.indexOf("://") + 3); at > 0; at = uri.indexOf("/", at + 1))
      terms.add(uri.slice(0, at));
    terms.add(uri);
  }
  return terms;
}

/** No URI has this form. */
const NO_CERTIFICATE = "-";

function permissionTerms(plan: PermissionPlan): readonly string[] {
  switch (plan.model) {
    case "either":
      return [...permissionTerms(plan.tags), ...permissionTerms(plan.identity)];
    case "tags":
      return plan.entries.flatMap(({ target, action }) =>
        action === "Deny" ? [] : telling(tagUris(target, plan.mesh)),
      );
    case "identity":
      return [...plan.allow, ...plan.allowWithShadowDeny].flatMap(({ matches }) =>
        matches.map(({ spiffeID }) => (spiffeID === undefined ? ANYBODY : spiffeID.value.replace(/\/$/, ""))),
      );
  }
}

/** A caller must have all of them, so one is enough to find it: the service, if there is one. */
function telling(uris: readonly string[]): string {
  return uris.find((uri) => uri.startsWith("spiffe://")) ?? uris[0] ?? ANYBODY;
}
