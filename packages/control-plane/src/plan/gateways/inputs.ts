import type { DataplaneResource } from "@skein/model";
import type { IdentityPlan, Naming, PolicyDefinition } from "@skein/policies";
import type { MeshView } from "../../view/mesh-view.ts";
import type { PolicySet } from "../../view/policy-set.ts";
import type { CallerFacts } from "../upstreams.ts";
import type { CertificateInputs } from "./certificates.ts";

/** What gateways of a mesh are planned from. */
export interface GatewaysInputs extends CertificateInputs {
  readonly view: Pick<MeshView, "gateways" | "secret" | "secretBefore">;
  readonly zone: string;
  readonly definitions: readonly PolicyDefinition[];
}

/** A proxy that may be a built-in gateway. */
export interface GatewayProxy {
  readonly dataplane: DataplaneResource;
  readonly naming: Naming;
  readonly identity: IdentityPlan | undefined;
  readonly facts: Omit<CallerFacts, "policies" | "naming" | "identity">;
  /** Host and port of its own authorization agent, where it said that it has one. */
  readonly extAuthzAddress: string | undefined;
  /** What policies say of a listener, by its section. */
  readonly policies: ReadonlyMap<string, PolicySet>;
}
