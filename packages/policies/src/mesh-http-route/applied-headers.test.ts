import assert from "node:assert/strict";
import { test } from "node:test";
import { changedHeaders, requestChanges, responseChanges } from "./applied-headers.ts";
import type { HeaderModifier, HttpRouteFilter } from "./conf.ts";

const request = (requestHeaderModifier: HeaderModifier): HttpRouteFilter => ({
  type: "RequestHeaderModifier",
  requestHeaderModifier,
});
const value = (name: string, text: string) => ({ name, value: text });

test("what is removed goes first, then what is set, then what is added, of all filters together", () => {
  const changes = requestChanges([
    request({ add: [value("x-a", "3")], set: [value("x-a", "1")] }),
    request({ set: [value("x-a", "2")], remove: ["x-a", "x-b", "x-none"] }),
    { type: "ResponseHeaderModifier", responseHeaderModifier: { remove: ["server"] } },
  ]);
  assert.deepEqual(changedHeaders(changes, { "x-a": "0", "x-b": "b", "x-c": "c" }), {
    "x-a": "2, 3",
    "x-b": null,
  });
});

test("what comes to nothing is no change", () => {
  const changes = requestChanges([
    request({ set: [value("x-a", "0"), value("x-empty", "")], remove: ["x-none"] }),
  ]);
  assert.deepEqual(changedHeaders(changes, { "x-a": "0" }), {});
  assert.deepEqual(responseChanges([]), { remove: [], set: [], add: [] });
});
