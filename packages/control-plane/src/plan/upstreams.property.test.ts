import assert from "node:assert/strict";
import { test } from "node:test";
import { policies as definitions, type RouteIdentity, type UpstreamPlan } from "@skein/policies";
import fc from "fast-check";
import { DATAPLANES } from "../pipeline/testing/arbitrary.ts";
import { Life, step } from "../pipeline/testing/model.ts";
import type { PolicySet } from "../view/policy-set.ts";

/* What is left out when a destination is planned, and what is shared between callers, must not show. */

test("an upstream says what all policies of its caller say, however it is shared", () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 60, size: "max" }), (steps) => {
      const life = new Life();
      for (const each of steps) life.take(each);
      const { planner, index } = life.world.mesh("default");
      for (const name of DATAPLANES) {
        const { outbound } = index.policies.at(name).get();
        const plan = planner.plan.at(name).get();
        for (const { upstream } of [...(plan?.outbounds ?? []), ...(plan?.backends ?? [])]) {
          assert.deepEqual(upstream.policies, fromAll(outbound, upstream));
        }
      }
      life.disconnectAll();
    }),
    { numRuns: Number(process.env.LIVES ?? 100) },
  );
});

function fromAll({ byKind }: PolicySet, { destination }: UpstreamPlan): Readonly<Record<string, unknown>> {
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
