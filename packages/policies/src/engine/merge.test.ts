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

/* Laws, for documents of one schema: a field is always of one kind. */

const scalar = fc.nat(3);
const list = fc.array(scalar, { maxLength: 2 });
const conf = fc.record(
  {
    scalar,
    list,
    appendList: list,
    object: fc.record(
      { scalar, list, appendList: list, inner: fc.record({ x: scalar, y: scalar }, { requiredKeys: [] }) },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: [] },
);

test("merging is associative", () => {
  fc.assert(
    fc.property(conf, conf, conf, (a, b, c) => {
      const all = merge<object>([from("a", a), from("b", b), from("c", c)])?.conf;
      const ab = merge<object>([from("a", a), from("b", b)])?.conf;
      const bc = merge<object>([from("b", b), from("c", c)])?.conf;
      assert.deepEqual(merge<object>([from("ab", ab), from("c", c)])?.conf, all);
      assert.deepEqual(merge<object>([from("a", a), from("bc", bc)])?.conf, all);
    }),
  );
});

test("every value has the origin of the last one that sets it, and no origin is of what is not there", () => {
  fc.assert(
    fc.property(fc.array(conf, { minLength: 1, maxLength: 4 }), (confs) => {
      const merged = merge<object>(confs.map((each, i) => from(String(i), each)));
      const { conf: all = {}, origins = {} } = merged ?? {};
      for (const path of leaves(all, "")) {
        const [, field = "", place] = /^(.*?)(?:\[(\d+)\])?$/.exec(path) ?? [];
        const values = confs.map((each) => valueAt(each, field));
        const setter =
          place === undefined
            ? values.findLastIndex((value) => value !== undefined)
            : setterOf(Number(place), values as readonly (readonly number[] | undefined)[]);
        assert.equal(origins[path]?.policy, String(setter), path);
      }
      for (const path of Object.keys(origins)) {
        assert.notEqual(valueAt(all, path.replace(/\[(\d+)\]$/, ".$1")), undefined, `${path} is not there`);
      }
    }),
  );
});

/** Who brought the element at this place of a concatenated list. */
function setterOf(place: number, lists: readonly (readonly number[] | undefined)[]): number {
  let left = place;
  return lists.findIndex((each = []) => {
    left -= each.length;
    return left < 0;
  });
}

function valueAt(value: unknown, path: string): unknown {
  return path.split(".").reduce<unknown>((at, key) => Reflect.get(Object(at), key), value);
}

function leaves(value: unknown, path: string): string[] {
  if (Array.isArray(value) && /(^|\.)append\w*$/.test(path)) return value.map((_, i) => `${path}[${i}]`);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [path];
  const entries = Object.entries(value);
  if (entries.length === 0) return path === "" ? [] : [path];
  return entries.flatMap(([key, inner]) => leaves(inner, path === "" ? key : `${path}.${key}`));
}
