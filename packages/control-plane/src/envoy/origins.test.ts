import assert from "node:assert/strict";
import { test } from "node:test";
import { contributors, policies } from "@skein/policies";
import { goldenWays } from "../pipeline/testing/golden.ts";
import { FragmentTable } from "../xds/fragment-table.ts";
import { Origins } from "./origins.ts";

test("what a way becomes is ascribed to all policies that shape it, and to no others", () => {
  const origins = new Origins(policies, new FragmentTable());
  const said = new Set<string>();
  for (const { name, upstream } of goldenWays()) {
    const found = origins.ofWay(upstream);
    for (const type of ["cluster", "listener", "route"] as const) {
      const expected = policies.flatMap((definition) => {
        const entry = upstream.policies[definition.kind.type] as object | undefined;
        if (entry === undefined || definition.shapes?.includes(type) === false) return [];
        const behind = contributors(definition.origins(entry));
        if (behind.length > 0) said.add(`${definition.kind.type} ${type}`);
        return behind;
      });
      assert.deepEqual(found[type], [...new Set(expected)].sort(), `${type} of ${name}`);
    }
  }
  for (const type of ["cluster", "listener", "route"]) assert.ok(said.has(`MeshTimeout ${type}`), type);
  assert.ok(said.has("MeshRetry route") && said.has("MeshHTTPRoute route"), [...said].join(", "));
});
