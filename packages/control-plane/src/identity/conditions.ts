import type { Condition } from "@skein/model/fields";

/** Why a MeshIdentity cannot issue: the reason of its condition, and a sentence. */
export interface IdentityError {
  readonly reason:
    | "MeshServicesDisabled"
    | "ProviderNotFoundError"
    | "ProviderInitializationError"
    | "ProviderValidationError";
  readonly message: string;
}

/** How far a MeshIdentity has got. */
export type IdentityState =
  /** No provider: it gives out SPIFFE ids, and certificates come from somewhere else. */
  | { readonly kind: "spiffe-id-only" }
  /** `without-root`: created, but with a CA whose root nobody gave. */
  | { readonly kind: "ready"; readonly meshTrust: "created" | "without-root" | "not-created" }
  | { readonly kind: "failed"; readonly error: IdentityError };

/** The conditions for a state, in the order in which they are shown. */
export function identityConditions(state: IdentityState): readonly Condition[] {
  switch (state.kind) {
    case "spiffe-id-only":
      return [
        condition(
          "SpiffeIDProvider",
          "True",
          "SpiffeIDProvided",
          "SPIFFE IDs are given out, without certificates.",
        ),
        condition("Ready", "False", "PartiallyReady", "Running in SpiffeID only mode: there is no provider."),
      ];
    case "ready":
      return [
        condition("Provider", "True", "ProviderInitialized", "The provider is initialized."),
        ...(state.meshTrust === "not-created" ? [] : [trustCondition(state.meshTrust === "created")]),
        condition("Ready", "True", "Ready", "Certificates are issued."),
      ];
    case "failed": {
      const { reason, message } = state.error;
      const failed = reason === "MeshServicesDisabled" ? "DependenciesReady" : "Provider";
      return [
        condition(failed, "False", reason, message),
        condition("Ready", "False", "Failure", "Certificates are not issued."),
      ];
    }
  }
}

/** The error for a mesh whose MeshServices are not exclusive: identities depend on them. */
export function meshServicesError(mode: string | undefined): IdentityError | undefined {
  if (mode === "Exclusive") return undefined;
  const message = `MeshIdentity needs meshServices.mode: Exclusive on the Mesh, which has ${mode ?? "Disabled"}.`;
  return { reason: "MeshServicesDisabled", message };
}

/** The error for a provider that this control plane does not have. */
export function providerNotFound(type: string, known: readonly string[]): IdentityError {
  const message = `There is no identity provider "${type}"; known are: ${[...known].sort().join(", ")}.`;
  return { reason: "ProviderNotFoundError", message };
}

/** Whether a MeshIdentity's conditions say that it issues certificates. */
export function isReady(conditions: readonly Pick<Condition, "type" | "status">[] | undefined): boolean {
  return conditions?.some(({ type, status }) => type === "Ready" && status === "True") ?? false;
}

/** Whether a MeshIdentity's SPIFFE ids count for MeshServices: it issues, or it only gives out ids. */
export function givesIdentities(
  conditions: readonly Pick<Condition, "type" | "status" | "reason">[] | undefined,
): boolean {
  const ready = conditions?.find(({ type }) => type === "Ready");
  return ready !== undefined && (ready.status === "True" || ready.reason === "PartiallyReady");
}

function trustCondition(hasRoot: boolean): Condition {
  const message = hasRoot
    ? "The MeshTrust holds the provider's CA."
    : "The MeshTrust holds the provider's CA without its root, and proxies accept only chains that end in a root: append the root to ca.certificate, or add it to a MeshTrust of the trust domain.";
  return condition("MeshTrustCreated", "True", "MeshTrustCreated", message);
}

function condition(type: string, status: Condition["status"], reason: string, message: string): Condition {
  return { type, status, reason, message };
}
