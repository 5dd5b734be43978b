import assert from "node:assert/strict";
import { test } from "node:test";
import { policies } from "./all.ts";
import { policyKinds } from "./kinds.ts";

test("the list of kinds is the list of policies", () => {
  const types = (kinds: readonly { readonly type: string }[]) => kinds.map(({ type }) => type).sort();
  assert.deepEqual(types(policyKinds), types(policies.map(({ kind }) => kind)));
});
