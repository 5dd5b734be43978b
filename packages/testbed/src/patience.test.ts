import assert from "node:assert/strict";
import { test } from "node:test";
import { patienceOf } from "./patience.ts";

test("deadlines are as they are written unless a factor is given", () => {
  assert.equal(patienceOf(undefined), 1);
  assert.equal(patienceOf(""), 1);
  assert.equal(patienceOf("2.5"), 2.5);
});

test("what is no factor is refused by the name of the setting", () => {
  for (const setting of ["much", "0", "0.5", "-1", "Infinity", "10x"])
    assert.throws(
      () => patienceOf(setting),
      /SKEIN_TESTBED_PATIENCE=.*: give a number from 1 to 1000/,
      setting,
    );
});
