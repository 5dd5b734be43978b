import assert from "node:assert/strict";
import { test } from "node:test";
import type { EndpointsView, OtherZones } from "../plan/endpoints-plan.ts";
import { destination, valid } from "../testing/resources.ts";
import { meshLoadBalancingStrategy } from "./policy.ts";
import { type ViewingCaller, viewOf } from "./view.ts";

const CALLER: ViewingCaller = {
  zone: "east",
  tags: [{ rack: "r1" }, { rack: "r2", shelf: "s2" }],
  labels: { rack: "r9", region: "eu" },
};

function view(...confs: object[]): EndpointsView | undefined {
  const policies = confs.map((conf, i) =>
    valid(
      meshLoadBalancingStrategy.kind,
      { to: [{ targetRef: { kind: "Mesh" }, default: conf }] },
      { name: `p${confs.length - i}` },
    ),
  );
  const entry = meshLoadBalancingStrategy.planOutbound?.({
    policies,
    destination: destination(),
    routes: [],
  });
  return viewOf({ [meshLoadBalancingStrategy.kind.type]: entry }, CALLER);
}
const aware = (localityAwareness: object) => view({ localityAwareness });
const affinity = (...affinityTags: object[]) => aware({ localZone: { affinityTags } })?.affinity;
const zones = (...failover: object[]) => aware({ crossZone: { failover } })?.otherZones;
const factor = (percentage: number | string) =>
  aware({ crossZone: { failoverThreshold: { percentage } } })?.overprovisioningFactor;
const rule = (priority: number, except: boolean, ...names: string[]): OtherZones => ({
  priority,
  zones: names,
  except,
});

test("who has no say in it sees what everybody sees", () => {
  assert.equal(viewOf({}, CALLER), undefined);
  assert.equal(view({ loadBalancer: { type: "Random" } }), undefined);
  assert.equal(aware({}), undefined);
  assert.equal(aware({ disabled: false }), undefined);
});

test("disabled: all zones are alike", () => {
  assert.deepEqual(aware({ disabled: true }), {
    affinity: [],
    isWeighted: false,
    otherZones: [rule(0, true)],
    policies: ["kri_mlbs_default___p1_"],
  });
});

test("disabled does not count beside rules", () => {
  const { otherZones, overprovisioningFactor } = aware({ disabled: true, localZone: {} }) ?? {};
  assert.deepEqual([otherZones, overprovisioningFactor], [[], 200]);
});

test("values are those of the first inbound that has the tag, else those of labels", () => {
  assert.deepEqual(affinity({ key: "rack" }, { key: "shelf" }, { key: "region" }, { key: "none" }), [
    { key: "rack", value: "r1", weight: 9000 },
    { key: "shelf", value: "s2", weight: 900 },
    { key: "region", value: "eu", weight: 90 },
  ]);
  assert.deepEqual(affinity({ key: "none", weight: 7 }, { key: "rack", weight: 5 }), [
    { key: "rack", value: "r1", weight: 5 },
  ]);
});

test("localities share by weight as soon as there are tags, whether or not the caller has them", () => {
  const local = (affinityTags: object[]) => aware({ localZone: { affinityTags } })?.isWeighted;
  assert.deepEqual([local([]), local([{ key: "none" }])], [false, true]);
});

const EAST = { zones: ["east"] };
const WEST = { zones: ["west"] };
const failovers: readonly [about: string, rules: readonly object[], expected: readonly OtherZones[]][] = [
  ["no rule: nobody", [], []],
  ["any", [{ to: { type: "Any" } }], [rule(1, true)]],
  ["only", [{ to: { type: "Only", zones: ["a", "b"] } }], [rule(1, false, "a", "b")]],
  ["all but", [{ to: { type: "AnyExcept", zones: ["a"] } }], [rule(1, true, "a")]],
  [
    "none contributes nothing, and later rules still count",
    [{ to: { type: "None" } }, { to: { type: "Any" } }],
    [rule(2, true)],
  ],
  [
    "rules of another zone keep their place",
    [
      { from: WEST, to: { type: "Any" } },
      { from: EAST, to: { type: "Only", zones: ["a"] } },
    ],
    [rule(2, false, "a")],
  ],
];
for (const [about, rules, expected] of failovers) {
  test(`other zones: ${about}`, () => assert.deepEqual(zones(...rules), expected));
}

const factors: readonly [percentage: number | string, factor: number][] = [
  [50, 200],
  [33, 303],
  [70, 143],
  ["99.9", 100],
  [100, 100],
  ["0.5", 20_000],
  ["0.0001", 1_000_000],
];
for (const [percentage, expected] of factors) {
  test(`threshold ${percentage} % is a factor of ${expected}`, () =>
    assert.equal(factor(percentage), expected));
}

test("the threshold is 50 % where nothing is said", () => {
  assert.equal(aware({ crossZone: {} })?.overprovisioningFactor, 200);
});

test("the policies behind a view are those that had a say in it", () => {
  const found = view(
    { localityAwareness: { localZone: {} } },
    { loadBalancer: { type: "Random" } },
    { localityAwareness: { crossZone: { failover: [{ to: { type: "Any" } }] } } },
  );
  assert.deepEqual(found?.policies, ["kri_mlbs_default___p1_", "kri_mlbs_default___p3_"]);
});
