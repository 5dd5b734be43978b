import assert from "node:assert/strict";
import { test } from "node:test";
import { headerText } from "./header-text.ts";

const cases: readonly [text: string, expected: string][] = [
  ["plain", "plain"],
  ["100%", "100%%"],
  ["%", "%%"],
  ["a%%b", "a%%%%b"],
  ["%UPSTREAM_HOST%", "%UPSTREAM_HOST%"],
  ["%START_TIME(%Y-%m)%", "%START_TIME(%Y-%m)%"],
  ["%REQ(x-id?:path):5% of %", "%REQ(x-id?:path):5% of %%"],
  ["%UPSTREAM_HOTS%", "%%UPSTREAM_HOTS%%"],
  ["%UPSTREAM_HOST:5%", "%%UPSTREAM_HOST:5%%"],
  ["%REQ()%", "%%REQ()%%"],
  ["%REQ(a?b?c)%", "%%REQ(a?b?c)%%"],
  ["%REQ%", "%%REQ%%"],
  ["%FILTER_STATE(a:b)%", "%%FILTER_STATE(a:b)%%"],
  ["%START_TIME(%n)%", "%%START_TIME(%%n)%%"],
  ["50% of %UPSTREAM_HOST%", "50%% of %UPSTREAM_HOST%"],
];

for (const [text, expected] of cases) {
  test(`"${text}" is given to Envoy as "${expected}"`, () => assert.equal(headerText(text), expected));
}
