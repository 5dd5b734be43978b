import { failure, type Outcome, success } from "../identity/outcome.ts";
import type { DataplaneClaims, ZoneClaims } from "./claims.ts";

/** The proxy that came with a token. */
export interface AuthenticatedProxy {
  readonly name: string;
  readonly mesh: string;
  /** All values of each tag over all inbounds and the gateway. */
  readonly tags: Readonly<Record<string, readonly string[]>>;
  readonly labels: Readonly<Record<string, string>>;
  /** Whether the MeshIdentity that selects the proxy makes its SPIFFE id from the workload label. */
  readonly identityUsesWorkload: boolean;
}

const workloadLabel = "kuma.io/workload";

/** Whether a proxy that should be named by its workload says which it is; holds whatever the proxy authenticates with. */
export function checkWorkloadLabel(proxy: AuthenticatedProxy): Outcome<void, string> {
  if (!proxy.identityUsesWorkload || proxy.labels[workloadLabel]) return success(undefined);
  return failure(
    `the proxy has no label ${workloadLabel}, from which the MeshIdentity that selects it makes its SPIFFE id`,
  );
}

/**
 * Whether a dataplane token is this proxy's: name, mesh and workload are equal where the token has them, and the proxy
 * has every tag of the token, with no value that the token does not list. The error is a sentence.
 */
export function checkDataplaneToken(
  claims: DataplaneClaims,
  proxy: AuthenticatedProxy,
): Outcome<void, string> {
  if (claims.Name !== "" && claims.Name !== proxy.name) {
    return failure(`the token is for the proxy "${claims.Name}", and this proxy is "${proxy.name}"`);
  }
  if (claims.Mesh !== "" && claims.Mesh !== proxy.mesh) {
    return failure(`the token is for mesh "${claims.Mesh}", and this proxy is in mesh "${proxy.mesh}"`);
  }
  for (const [tag, allowed] of Object.entries(claims.Tags)) {
    const values = proxy.tags[tag] ?? [];
    if (values.length === 0)
      return failure(`the token asks for the tag "${tag}", which the proxy does not have`);
    const other = values.find((value) => !allowed.includes(value));
    if (other !== undefined) {
      return failure(
        `the proxy has the tag "${tag}" with the value "${other}", and the token allows ${quoted(allowed)}`,
      );
    }
  }
  return checkWorkload(claims.Workload, proxy);
}

/** Whether a zone token allows a zone proxy of a kind in this control plane's zone. The error is a sentence. */
export function checkZoneToken(
  claims: ZoneClaims,
  proxy: { readonly zone: string; readonly kind: "ingress" | "egress" | "cp" },
): Outcome<void, string> {
  if (!claims.Scope.includes(proxy.kind)) {
    return failure(`the token's scope is ${quoted(claims.Scope)}: it does not allow "${proxy.kind}"`);
  }
  if (claims.Zone !== "" && claims.Zone !== proxy.zone) {
    return failure(`the token is for zone "${claims.Zone}", and this is zone "${proxy.zone}"`);
  }
  return success(undefined);
}

function checkWorkload(allowed: string, proxy: AuthenticatedProxy): Outcome<void, string> {
  const workload = proxy.labels[workloadLabel] ?? "";
  if (allowed !== "" && allowed !== workload) {
    return failure(
      `the token is for workload "${allowed}", and the proxy's label ${workloadLabel} is "${workload}"`,
    );
  }
  if (allowed === "" && workload !== "" && proxy.identityUsesWorkload) {
    return failure(
      `the proxy is named by its label ${workloadLabel}, so it requires a workload-bound token: generate one with the workload "${workload}"`,
    );
  }
  return success(undefined);
}

function quoted(values: readonly string[]): string {
  return values.length === 0 ? "none" : values.map((value) => `"${value}"`).join(", ");
}
