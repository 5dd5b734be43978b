import type { KindDefinition } from "@skein/model";
import { coreKinds } from "@skein/model/registry";
import { policyKinds } from "@skein/policies/kinds";
import { createKinds, type Kinds } from "./kinds.ts";

/**
 * Every kind that Skein has. Imported past the entry of the policies' package, which also loads the translation to
 * Envoy: that costs more than all the rest of a command.
 */
export function skeinKinds(): Kinds<KindDefinition> {
  return createKinds([...coreKinds, ...policyKinds]);
}
