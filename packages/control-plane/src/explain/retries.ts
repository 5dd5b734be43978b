import type { Merged, PolicyPlans, Protocol } from "@skein/policies";
import { type ByRoute, forRoute } from "@skein/policies/engine/by-route";
import { type Again, again } from "@skein/policies/mesh-retry/again";
import type { MeshRetryConf } from "@skein/policies/mesh-retry/conf";
import { meshRetry } from "@skein/policies/mesh-retry/policy";
import type { Fact } from "./explanation.ts";
import { factsOf, plainFact } from "./facts.ts";

/** How often a call is made again, for the protocol of the destination. */
export function retryFacts(
  policies: PolicyPlans,
  protocol: Protocol,
  route: string | undefined,
): readonly Fact[] {
  const part = protocol === "tcp" ? "tcp." : protocol === "grpc" ? "grpc." : "http.";
  const facts = factsOf(confOf(policies, route))
    .filter(({ name }) => name.startsWith(part))
    .map((fact) => ({ ...fact, name: `retry.${fact.name.slice(part.length)}` }));
  return facts.length === 0 ? [plainFact("retries", "none")] : facts;
}

/** After what a request is made again. */
export function retriesOf(
  policies: PolicyPlans,
  protocol: Protocol,
  route: string | undefined,
  request: { readonly method: string; readonly headers: Readonly<Record<string, string>> },
): Again {
  return again(confOf(policies, route)?.conf, protocol, request);
}

function confOf(policies: PolicyPlans, route: string | undefined): Merged<MeshRetryConf> | undefined {
  const plan = policies[meshRetry.kind.type] as ByRoute<MeshRetryConf> | undefined;
  return forRoute(plan, route === undefined ? {} : { policy: route });
}
