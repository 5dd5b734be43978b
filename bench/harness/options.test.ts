import assert from "node:assert/strict";
import { test } from "node:test";
import { benchOptions } from "./options.ts";

test("how the proxies of the fan-out know whom they may call", () => {
  assert.equal(benchOptions({}).reach, "outbounds");
  assert.equal(benchOptions({ TRANSPARENT: "0" }).reach, "outbounds");
  assert.equal(benchOptions({ TRANSPARENT: "1" }).reach, "listed");
  assert.equal(benchOptions({ TRANSPARENT: "1", REACH: "all" }).reach, "all");
});

test("sizes of the fan-out", () => {
  const sizes = (env: Record<string, string>) => benchOptions(env).sizes.map(({ proxies }) => proxies);
  assert.deepEqual(sizes({}), [500, 2000]);
  assert.deepEqual(sizes({ TRANSPARENT: "1" }), [500, 2000]);
  assert.deepEqual(sizes({ TRANSPARENT: "1", REACH: "all" }), [500]);
  assert.deepEqual(sizes({ TRANSPARENT: "1", REACH: "all", PROXIES: "2000" }), [2000]);
});

const refused: readonly (readonly [Record<string, string>, RegExp])[] = [
  [{ TRANSPARENT: "yes" }, /TRANSPARENT must be 1 or 0, not "yes"/],
  [{ TRANSPARENT: "1", REACH: "some" }, /REACH must be listed or all, not "some"/],
  [{ REACH: "all" }, /REACH is about transparent proxies: give TRANSPARENT=1/],
  [{ SECONDS: "0" }, /SECONDS must be a whole number of at least 1, not "0"/],
];
for (const [env, message] of refused) {
  test(`refuses ${JSON.stringify(env)}`, () => {
    assert.throws(() => benchOptions(env), message);
  });
}
