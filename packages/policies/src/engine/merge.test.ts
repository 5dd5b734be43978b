import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Contribution, merge } from "./merge.ts";

const from = (policy: string, conf: unknown): Contribution => ({ conf, origin: { policy, rule: "to[0]" } });

test("fields merge one by one and remember who set them", () => {
  const merged = merge<unknown>([
    from("low", { connectionTimeout: "5s", http: { requestTimeout: "15s", streamIdleTimeout: "30m" } }),
    from("high", { http: { requestTimeout: "1s" } }),
  ]);
  assert.deepEqual(merged?.conf, {
    connectionTimeout: "5s",
    http: { requestTimeout: "1s", streamIdleTimeout: "30m" },
  });
  assert.deepEqual(
    Object.fromEntries(Object.entries(merged?.origins ?? {}).map(([path, origin]) => [path, origin.policy])),
    { connectionTimeout: "low", "http.requestTimeout": "high", "http.streamIdleTimeout": "low" },
  );
});

test("a list replaces, an append list concatenates", () => {
  const merged = merge<unknown>([
    from("low", { retryOn: ["5xx"], appendMatch: [1] }),
    from("high", { retryOn: ["Reset"], appendMatch: [2, 3] }),
  ]);
  assert.deepEqual(merged?.conf, { retryOn: ["Reset"], appendMatch: [1, 2, 3] });
  assert.equal(merged?.origins["appendMatch[0]"]?.policy, "low");
  assert.equal(merged?.origins["appendMatch[2]"]?.policy, "high");
  assert.equal(merged?.origins.retryOn?.policy, "high");
});

test("an object that replaces a scalar takes the scalar's origin away", () => {
  const merged = merge<unknown>([from("low", { a: 1 }), from("high", { a: { b: 2 } })]);
  assert.deepEqual(Object.keys(merged?.origins ?? {}), ["a.b"]);
});

const conf = fc.dictionary(
  fc.constantFrom("a", "b", "appendC"),
  fc.oneof(
    fc.nat(3),
    fc.array(fc.nat(3), { maxLength: 2 }),
    fc.dictionary(fc.constantFrom("x", "y"), fc.nat(3)),
  ),
);

test("merging is associative, and every leaf has an origin", () => {
  fc.assert(
    fc.property(conf, conf, conf, (a, b, c) => {
      const all = merge<object>([from("a", a), from("b", b), from("c", c)]);
      const ab = merge<object>([from("a", a), from("b", b)]);
      const bc = merge<object>([from("b", b), from("c", c)]);
      if (mixesKinds(a, b, c)) return;
      assert.deepEqual(all?.conf, merge<object>([from("ab", ab?.conf), from("c", c)])?.conf);
      assert.deepEqual(all?.conf, merge<object>([from("a", a), from("bc", bc?.conf)])?.conf);
      for (const path of leaves(all?.conf ?? {}, "")) assert.ok(all?.origins[path], `no origin for ${path}`);
    }),
  );
});

/** Associativity is promised for documents of one schema, where a field is always of one kind. */
function mixesKinds(...confs: Record<string, unknown>[]): boolean {
  const kinds = new Map<string, string>();
  const kindOf = (value: unknown) => (Array.isArray(value) ? "list" : typeof value);
  for (const one of confs) {
    for (const [key, value] of Object.entries(one)) {
      const known = kinds.get(key);
      if (known !== undefined && known !== kindOf(value)) return true;
      kinds.set(key, kindOf(value));
    }
  }
  return false;
}

function leaves(value: unknown, path: string): string[] {
  if (Array.isArray(value) && path.startsWith("append")) return value.map((_, i) => `${path}[${i}]`);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [path];
  const entries = Object.entries(value);
  if (entries.length === 0) return path === "" ? [] : [path];
  return entries.flatMap(([key, inner]) => leaves(inner, path === "" ? key : `${path}.${key}`));
}
