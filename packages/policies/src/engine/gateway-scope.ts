import type { Violation } from "@skein/model";
import type { PolicySpec } from "./policy-resource.ts";

/** Lists of rules for sidecars' inbounds. */
type InboundBlock = "from" | "rules";

/**
 * Violations of a policy whose `to` is about built-in gateways only: `to` needs a gateway among what the policy selects,
 * and the lists for sidecars' inbounds stand where it can select none.
 */
export function gatewayScopeViolations(
  spec: PolicySpec,
  forSidecars: readonly InboundBlock[],
): readonly Violation[] {
  if (!includesGateways(spec)) {
    if ((spec.to ?? []).length === 0) return [];
    return [
      {
        field: "spec.to",
        reason: "must not be defined: it is about gateways, and spec.targetRef selects none of them",
      },
    ];
  }
  return forSidecars.flatMap((block) =>
    (spec[block] ?? []).length === 0
      ? []
      : [
          {
            field: `spec.${block}`,
            reason:
              "must not be defined when the scope includes a Gateway, select only proxyType Sidecar or select only gateways and use spec.to",
          },
        ],
  );
}

function includesGateways({ targetRef }: PolicySpec): boolean {
  switch (targetRef?.kind) {
    case "MeshGateway":
    case "MeshHTTPRoute":
      return true;
    case undefined:
    case "Mesh":
    case "MeshSubset": {
      const types = targetRef?.proxyTypes ?? [];
      return types.length === 0 || types.includes("Gateway");
    }
    default:
      return false;
  }
}
