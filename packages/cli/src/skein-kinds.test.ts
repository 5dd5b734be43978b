import assert from "node:assert/strict";
import { test } from "node:test";
import { coreKinds } from "@skein/model";
import { policyKinds } from "@skein/policies";
import { skeinKinds } from "./skein-kinds.ts";

test("the command line knows every kind of the model and of the policies", () => {
  const known = skeinKinds()
    .all.map((kind) => kind.type)
    .sort();
  assert.deepEqual(known, [...coreKinds, ...policyKinds].map((kind) => kind.type).sort());
});

test("no word on the command line means two kinds", () => {
  const kinds = skeinKinds();
  for (const kind of kinds.all) {
    for (const word of [
      kind.cli.singular,
      kind.cli.plural,
      ...(kind.cli.aliases ?? []),
      kind.path,
      kind.type,
    ]) {
      assert.equal(kinds.demand(word).type, kind.type);
    }
  }
});
