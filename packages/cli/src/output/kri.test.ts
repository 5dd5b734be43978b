import assert from "node:assert/strict";
import { test } from "node:test";
import { destinationOfKri, nameOfKri, withNames } from "./kri.ts";

test("a KRI is its name to people, and a destination its name and port", () => {
  assert.equal(nameOfKri("kri_mtp_default_east_shop_no-tests_"), "no-tests");
  assert.equal(nameOfKri("no KRI"), "no KRI");
  assert.equal(destinationOfKri("kri_msvc_default_east_shop_web_http"), "web:http");
});

test("a sentence keeps everything but its KRIs", () => {
  assert.equal(
    withNames("narrow rules[0] of kri_mtp_default_east__no_, or delete it"),
    "narrow rules[0] of no, or delete it",
  );
});
