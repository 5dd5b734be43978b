import assert from "node:assert/strict";
import { test } from "node:test";
import { policies as definitions, type RouteIdentity, type UpstreamPlan } from "@skein/policies";
import fc from "fast-check";
import { DATAPLANES } from "../pipeline/testing/arbitrary/names.ts";
import { Life, step } from "../pipeline/testing/model.ts";
import type { PolicySet } from "../view/policy-set.ts";
import { gatewayParts } from "./gateways/parts.ts";

/* What is left out when a destination is planned, and what is shared between callers, must not show. */

test("an upstream says what all policies of its caller say, however it is shared", () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 60, size: "max" }), (steps) => {
      const life = new Life();
      for (const each of steps) life.take(each);
      const { planner, index } = life.world.mesh("default");
      for (const name of DATAPLANES) {
        const { outbound, gateway } = index.policies.at(name).get();
        const plan = planner.plan.at(name).get();
        if (plan?.gateway !== undefined) {
          for (const host of gatewayParts(plan).map((each) => each.host)) {
            const set = withoutRoutes(gateway.get(host.section));
            for (const backend of Object.values(host.backends)) {
              const upstream: UpstreamPlan | undefined = plan.backends.find(
                (each) => backend.kind === "resolved" && each.upstream.clusterName === backend.clusterName,
              )?.upstream;
              if (upstream !== undefined) assert.deepEqual(upstream.policies, fromAll(set, upstream));
            }
          }
          continue;
        }
        for (const { upstream } of [...(plan?.outbounds ?? []), ...(plan?.backends ?? [])]) {
          assert.deepEqual(upstream.policies, fromAll(outbound, upstream));
        }
      }
      life.disconnectAll();
    }),
    { numRuns: Number(process.env.LIVES ?? 100) },
  );
});

/** A gateway's routes are about its listeners, and not about its calls. */
function withoutRoutes(set: PolicySet | undefined): Pick<PolicySet, "byKind"> {
  const kinds = Array.from(set?.byKind ?? []);
  return { byKind: new Map(kinds.filter(([type]) => type !== "MeshHTTPRoute" && type !== "MeshTCPRoute")) };
}

function fromAll(
  { byKind }: Pick<PolicySet, "byKind">,
  { destination }: UpstreamPlan,
): Readonly<Record<string, unknown>> {
  const routes: RouteIdentity[] = [];
  const entries: Record<string, unknown> = {};
  for (const definition of definitions) {
    const { type } = definition.kind;
    const entry = definition.planOutbound?.({ policies: byKind.get(type) ?? [], destination, routes });
    if (entry === undefined) continue;
    entries[type] = entry;
    routes.push(...(definition.routes?.(entry) ?? []));
  }
  return entries;
}
