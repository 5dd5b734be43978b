import assert from "node:assert/strict";
import { test } from "node:test";
import { entryFields } from "./entry-fields.ts";

const [a, b] = [
  { policy: "kri_a", rule: "to[0]" },
  { policy: "kri_b", rule: "rules[1]" },
];

test("a field has the origin of itself, or of the nearest value around it", () => {
  const entry = {
    conf: { http: { on: ["5xx"], numRetries: 2 }, outer: { inner: 1 }, empty: {} },
    origins: { "http.on": a, "http.numRetries": b, outer: b, empty: a },
  };
  assert.deepEqual(entryFields(entry), [
    { path: "http.on", value: ["5xx"], origin: a },
    { path: "http.numRetries", value: 2, origin: b },
    { path: "outer.inner", value: 1, origin: b },
    { path: "empty", value: {}, origin: a },
  ]);
});

test("lists that are appended to have an origin for each element", () => {
  const entry = {
    conf: { appendModifications: [{ x: 1 }, { x: 2 }] },
    origins: { "appendModifications[0]": a, "appendModifications[1]": b },
  };
  assert.deepEqual(entryFields(entry), [
    { path: "appendModifications[0]", value: { x: 1 }, origin: a },
    { path: "appendModifications[1]", value: { x: 2 }, origin: b },
  ]);
});

test("callers and routes say whom a field is about", () => {
  const match = { spiffeID: { type: "Exact", value: "spiffe://td/x" } };
  const entry = {
    conf: { idleTimeout: "1s" },
    origins: { idleTimeout: a },
    callers: [{ match, conf: { idleTimeout: "2s" }, origins: { idleTimeout: b } }],
    routes: { kri_route: { conf: { idleTimeout: "3s" }, origins: { idleTimeout: b } } },
  };
  assert.deepEqual(entryFields(entry), [
    { path: "idleTimeout", value: "1s", origin: a },
    { path: "idleTimeout", value: "2s", origin: b, caller: match },
    { path: "idleTimeout", value: "3s", origin: b, route: "kri_route" },
  ]);
});

test("each match of a rule is a value; other rules are one, without their origin", () => {
  const entry = {
    model: "identity",
    deny: [],
    allow: [{ matches: ["x", "y"], origin: a }],
    entries: [{ target: { kind: "Mesh" }, action: "Allow", origin: b }],
  };
  assert.deepEqual(entryFields(entry), [
    { path: "model", value: "identity" },
    { path: "allow", value: "x", isItem: true, origin: a },
    { path: "allow", value: "y", isItem: true, origin: a },
    { path: "entries", value: { target: { kind: "Mesh" }, action: "Allow" }, isItem: true, origin: b },
  ]);
});
