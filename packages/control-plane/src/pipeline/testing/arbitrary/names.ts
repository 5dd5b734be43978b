import fc from "fast-check";

/** The dataplanes that there may be. */
export const DATAPLANES = ["d0", "d1", "d2", "d3", "d4"] as const;

/** The services that there may be. */
export const SERVICES = ["web", "backend", "db"] as const;

/** Every issuer that certificates may come from. */
export const ISSUERS = [
  "kri_mid_default_east__i0_",
  "kri_mid_default_east__i1_",
  "mtls/default/ca-1",
] as const;

/** Names of the secrets that hold certificates. */
export const SECRETS = [
  "kri_mid_default_east__i0_",
  "kri_mid_default_east__i1_",
  "system_mtls_identity_default",
  "identity_cert:secret:default",
] as const;

/** A service's name, or the label of those that belong to it. */
export const app = fc.constantFrom(...SERVICES);
/** A dataplane's name. */
export const dataplaneName = fc.constantFrom(...DATAPLANES);
/** A value of the tag `version`. */
export const version = fc.constantFrom("v1", "v2");
