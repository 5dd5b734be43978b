import type { PolicyPlans, Protocol } from "@skein/policies";
import { forRoute } from "@skein/policies/engine/by-route";
import { meshRetry } from "@skein/policies/mesh-retry/policy";
import type { Fact } from "./explanation.ts";
import { factsOf, plainFact } from "./facts.ts";

/** How often a call is made again, for the protocol of the destination. */
export function retryFacts(
  policies: PolicyPlans,
  protocol: Protocol,
  route: string | undefined,
): readonly Fact[] {
  const plan = policies[meshRetry.kind.type] as Parameters<typeof forRoute>[0];
  const part = protocol === "tcp" ? "tcp." : protocol === "grpc" ? "grpc." : "http.";
  const conf = forRoute(plan, route === undefined ? {} : { policy: route });
  const facts = factsOf(conf)
    .filter(({ name }) => name.startsWith(part))
    .map((fact) => ({ ...fact, name: `retry.${fact.name.slice(part.length)}` }));
  return facts.length === 0 ? [plainFact("retries", "none")] : facts;
}
