import type { ProxyPlan } from "@skein/policies";
import type { Hop } from "./explanation.ts";
import { plainFact } from "./facts.ts";

/** Who calls, and as whom. */
export function sourceStep(source: ProxyPlan): Hop {
  const [id] = source.identity?.uris ?? [];
  const missing = source.conditions.find(({ type }) => type === "NoIdentity")?.message;
  return {
    at: "source",
    name: source.name,
    outcome: id === undefined ? "warn" : "pass",
    text:
      id === undefined
        ? `the caller has no identity: ${missing ?? "no MeshIdentity selects it, and the mesh has no CA of its own"}`
        : `the caller is ${id}`,
    facts: source.identity === undefined ? [] : [plainFact("issuer", source.identity.issuer)],
  };
}
