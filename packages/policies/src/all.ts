import type { PolicyDefinition } from "./definition.ts";
import { policyList } from "./list.ts";

/** Every policy, in the order in which they change Envoy's configuration. */
export const policies: readonly PolicyDefinition[] = (
  await Promise.all(policyList.map(({ load }) => load()))
).sort((a, b) => a.order - b.order);
