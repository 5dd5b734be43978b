import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { EndpointPlan, EndpointsPlan, EndpointsView, LocalityPlan } from "../plan/endpoints-plan.ts";
import { seenThrough } from "./seen-through.ts";

const ZONE = "east";
const zone = fc.constantFrom(ZONE, "west", "north", "south");
const value = fc.constantFrom("1", "2", "3");
const few = fc.dictionary(fc.constantFrom("rack", "region"), value, { maxKeys: 2 });

/** Instances by zone, each zone once, as planning groups them. */
const instances: fc.Arbitrary<EndpointsPlan> = fc
  .array(fc.record({ zone, tags: few, labels: few }), { maxLength: 12 })
  .map((found) => ({
    localities: [...Map.groupBy(found, (each) => each.zone)].map(([name, list]) => ({
      zone: name,
      priority: name === ZONE ? 0 : 1,
      endpoints: list.map(
        ({ tags, labels }): EndpointPlan => ({
          address: `${name}-${list.length}`,
          port: 1,
          tags,
          labels,
        }),
      ),
    })),
  }));

const view: fc.Arbitrary<EndpointsView> = fc
  .record({
    affinity: fc.uniqueArray(
      fc.record({ key: fc.constantFrom("rack", "region"), value, weight: fc.integer({ min: 1, max: 90 }) }),
      { selector: ({ key }) => key, maxLength: 2 },
    ),
    tagged: fc.boolean(),
    otherZones: fc.array(
      fc.record({
        priority: fc.integer({ min: 0, max: 3 }),
        zones: fc.uniqueArray(zone, { maxLength: 2 }),
        except: fc.boolean(),
      }),
      { maxLength: 3 },
    ),
  })
  .map(({ affinity, tagged, otherZones }) => ({
    affinity,
    isWeighted: tagged || affinity.length > 0,
    otherZones,
    policies: [],
  }));

function law(
  holds: (view: EndpointsView, before: EndpointsPlan, after: readonly LocalityPlan[]) => void,
): void {
  fc.assert(
    fc.property(view, instances, (seen, before) => {
      holds(seen, before, seenThrough(seen, before, ZONE).localities);
    }),
  );
}
const endpointsOf = (localities: readonly LocalityPlan[]) => localities.flatMap(({ endpoints }) => endpoints);

test("an instance is in one locality at most, and in its own zone", () => {
  law((_, before, after) => {
    const seen = endpointsOf(after);
    assert.equal(new Set(seen).size, seen.length);
    for (const { zone: name, endpoints } of after) {
      const known = before.localities.find((each) => each.zone === name)?.endpoints ?? [];
      assert.ok(endpoints.every((each) => known.includes(each)));
    }
  });
});

test("no instance of the caller's own zone is dropped, and all of them come first", () => {
  law((_, before, after) => {
    const local = before.localities.filter((each) => each.zone === ZONE);
    const seen = after.filter((each) => each.zone === ZONE);
    assert.deepEqual(new Set(endpointsOf(seen)), new Set(endpointsOf(local)));
    assert.ok(seen.every(({ priority }) => priority === 0));
  });
});

test("a far zone is called exactly where a rule names it, with the first one's priority", () => {
  law(({ otherZones }, before, after) => {
    for (const { zone: name, endpoints } of before.localities) {
      if (name === ZONE) continue;
      const expected = otherZones.find(({ zones, except }) => zones.includes(name) !== except);
      const seen = after.filter((each) => each.zone === name);
      assert.deepEqual(
        seen.map((each) => [each.priority, each.endpoints]),
        expected === undefined ? [] : [[expected.priority, endpoints]],
      );
    }
  });
});

test("every locality has a weight where weights count, and none has one elsewhere", () => {
  law(({ isWeighted }, _, after) => {
    for (const { weight } of after) assert.equal(isWeighted ? (weight ?? 0) > 0 : weight === undefined, true);
  });
});

test("an instance is where the first tag is that it shares with the caller", () => {
  law(({ affinity }, _, after) => {
    for (const { zone: name, subZone, weight, endpoints } of after) {
      if (name !== ZONE) continue;
      for (const { tags, labels } of endpoints) {
        const first = affinity.find(({ key, value: wanted }) => (tags[key] ?? labels[key]) === wanted);
        assert.equal(subZone, first === undefined ? undefined : `${first.key}=${first.value}`);
        if (first !== undefined) assert.equal(weight, first.weight);
      }
    }
  });
});

test("no locality is there twice, and priorities do not fall", () => {
  law((_, __, after) => {
    const names = after.map((each) => `${each.zone} ${each.subZone ?? ""}`);
    assert.equal(new Set(names).size, names.length);
    assert.deepEqual(
      after.map(({ priority }) => priority),
      after.map(({ priority }) => priority).sort((a, b) => a - b),
    );
  });
});
