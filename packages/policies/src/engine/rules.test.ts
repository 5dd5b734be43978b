import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { DestinationPlan } from "../plan/destination-plan.ts";
import { destination, policy } from "../testing/resources.ts";
import { merge } from "./merge.ts";
import type { PolicyResource, PolicySpec, TargetRef } from "./policy-resource.ts";
import { concernsDestination, fromRules, inboundRules, outboundRules, policyKri } from "./rules.ts";

const MESH: TargetRef = { kind: "Mesh" };
const backend: TargetRef = { kind: "MeshService", name: "backend" };

function to(
  name: string,
  targetRef: TargetRef | undefined,
  ...entries: readonly TargetRef[]
): PolicyResource {
  const spec: PolicySpec = { to: entries.map((ref, i) => ({ targetRef: ref, default: `${name}[${i}]` })) };
  return policy(targetRef === undefined ? spec : { ...spec, targetRef }, { name });
}

const confs = (policies: readonly PolicyResource[], of: DestinationPlan = destination()) =>
  outboundRules(policies, of, "mt").map(({ conf }) => conf);

const inZone = destination({
  labels: { "kuma.io/zone": "east", "k8s.kuma.io/namespace": "shop", app: "backend" },
});

const of = (kind: DestinationPlan["kind"]) => destination({ kind, labels: { app: "backend" } });

const targets: readonly [about: string, ref: TargetRef, of: DestinationPlan, hit: boolean][] = [
  ["the mesh", MESH, destination(), true],
  ["the service by name", backend, destination(), true],
  ["another service", { kind: "MeshService", name: "web" }, destination(), false],
  [
    "the service by display name",
    { ...backend, name: "b" },
    destination({ labels: { "kuma.io/display-name": "b" } }),
    true,
  ],
  ["the port by name", { ...backend, sectionName: "main" }, destination(), true],
  ["the port by number", { ...backend, sectionName: "80" }, destination(), true],
  ["another port", { ...backend, sectionName: "admin" }, destination(), false],
  ["labels", { kind: "MeshService", labels: { app: "backend" } }, inZone, true],
  [
    "labels and a port",
    { kind: "MeshService", labels: { app: "backend" }, sectionName: "main" },
    inZone,
    true,
  ],
  ["labels that do not match", { kind: "MeshService", labels: { app: "web" } }, inZone, false],
  ["name and namespace", { ...backend, namespace: "shop" }, inZone, true],
  ["name in another namespace", { ...backend, namespace: "bank" }, inZone, false],
  ["another kind of destination", { kind: "MeshExternalService", name: "backend" }, destination(), false],
  [
    "an external service by name",
    { kind: "MeshExternalService", name: "backend" },
    of("MeshExternalService"),
    true,
  ],
  [
    "an external service by labels",
    { kind: "MeshExternalService", labels: { app: "backend" } },
    of("MeshExternalService"),
    true,
  ],
  [
    "an external service by other labels",
    { kind: "MeshExternalService", labels: { app: "web" } },
    of("MeshExternalService"),
    false,
  ],
  [
    "a multi-zone service by name and port",
    { kind: "MeshMultiZoneService", name: "backend", sectionName: "80" },
    of("MeshMultiZoneService"),
    true,
  ],
  [
    "a multi-zone service by labels and another port",
    { kind: "MeshMultiZoneService", labels: { app: "backend" }, sectionName: "81" },
    of("MeshMultiZoneService"),
    false,
  ],
  ["a service of one zone, where all zones' is called", backend, of("MeshMultiZoneService"), false],
  ["a service that is known by a tag", backend, of("ServiceTag"), true],
  [
    "labels, where a service is known by a tag",
    { kind: "MeshService", labels: { app: "backend" } },
    of("ServiceTag"),
    false,
  ],
];

for (const [about, ref, of, hit] of targets) {
  test(`a to entry for ${about} ${hit ? "counts" : "does not count"}`, () => {
    assert.equal(confs([to("p", undefined, ref)], of).length, hit ? 1 : 0);
  });
}

test("a zone's policy names services of its zone only", () => {
  const spec: PolicySpec = { to: [{ targetRef: backend, default: 1 }] };
  const from = (zone: string) => policy(spec, { labels: { "kuma.io/zone": zone } });
  const universal = destination({ labels: { "kuma.io/zone": "east" } });
  assert.equal(confs([from("east")], universal).length, 1);
  assert.equal(confs([from("west")], universal).length, 0);
});

test("a namespaced policy's names are of its namespace", () => {
  const spec: PolicySpec = { to: [{ targetRef: backend, default: 1 }] };
  const from = (namespace: string) => policy(spec, { labels: { "k8s.kuma.io/namespace": namespace } });
  assert.equal(confs([from("shop")], inZone).length, 1);
  assert.equal(confs([from("bank")], inZone).length, 0);
});

const concerns: readonly [about: string, spec: PolicySpec, concerns: boolean][] = [
  ["the mesh", { to: [{ targetRef: MESH }] }, true],
  [
    "this service, second",
    { to: [{ targetRef: { ...backend, name: "other" } }, { targetRef: backend }] },
    true,
  ],
  ["another service", { to: [{ targetRef: { ...backend, name: "other" } }] }, false],
  ["a route, which may be on any", { to: [{ targetRef: { kind: "MeshHTTPRoute", name: "r" } }] }, true],
  [
    "a route at the top",
    { targetRef: { kind: "MeshHTTPRoute", name: "r" }, to: [{ targetRef: { ...backend, name: "other" } }] },
    true,
  ],
  ["no list", { rules: [{ default: {} }] }, true],
  ["an empty list", { to: [] }, false],
];

for (const [about, spec, expected] of concerns) {
  test(`what may matter to a destination: ${about}`, () => {
    assert.equal(concernsDestination(policy(spec), destination()), expected);
  });
}

const orders: readonly [about: string, policies: readonly PolicyResource[], ascending: readonly string[]][] =
  [
    ["the mesh before the service", [to("p", undefined, backend, MESH)], ["p[1]", "p[0]"]],
    [
      "the service before its port",
      [to("p", undefined, { ...backend, sectionName: "main" }, backend, MESH)],
      ["p[2]", "p[1]", "p[0]"],
    ],
    ["of equal entries the later one wins", [to("p", undefined, MESH, MESH)], ["p[0]", "p[1]"]],
    [
      "the target of the entry beats the name of the policy",
      [to("a", undefined, MESH), to("b", undefined, backend)],
      ["a[0]", "b[0]"],
    ],
    [
      "the target of the policy beats the target of the entry",
      [to("a", MESH, { ...backend, sectionName: "main" }), to("b", { kind: "Dataplane" }, MESH)],
      ["a[0]", "b[0]"],
    ],
    ["the first name in the alphabet wins", [to("a", MESH, MESH), to("b", MESH, MESH)], ["b[0]", "a[0]"]],
  ];

for (const [about, policies, ascending] of orders) {
  test(`to entries: ${about}`, () => {
    assert.deepEqual(confs(policies), ascending);
    assert.deepEqual(confs(policies.toReversed()), ascending);
  });
}

test("an entry knows where it stands", () => {
  const made = policy(
    {
      to: [
        { targetRef: MESH, default: {} },
        { targetRef: backend, default: {} },
      ],
    },
    {
      name: "p-hash",
      labels: { "kuma.io/display-name": "p", "kuma.io/zone": "east", "k8s.kuma.io/namespace": "ns" },
    },
  );
  const [first] = outboundRules([made], destination(), "mt");
  assert.deepEqual(first?.origin, { policy: "kri_mt_default_east_ns_p_", rule: "to[0]" });
  assert.equal(policyKri(made, "mt"), "kri_mt_default_east_ns_p_");
});

const CALLER = { spiffeID: { type: "Exact" as const, value: "spiffe://td/a" } };

test("rules come in the order of precedence, each with its callers", () => {
  const broad = policy({ rules: [{ default: 1 }, { matches: [CALLER], default: 2 }] }, { name: "a" });
  const narrow = policy({ targetRef: { kind: "Dataplane", sectionName: "http" }, rules: [{ default: 3 }] });
  for (const policies of [
    [broad, narrow],
    [narrow, broad],
  ]) {
    assert.deepEqual(
      inboundRules(policies, "mt", true).map(({ conf, matches, origin }) => [
        conf,
        matches.length,
        origin.rule,
      ]),
      [
        [1, 0, "rules[0]"],
        [2, 1, "rules[1]"],
        [3, 0, "rules[0]"],
      ],
    );
  }
});

test("a from entry is a rule for everybody, unless the policy has rules", () => {
  const from = { from: [{ targetRef: MESH, default: 1 }] };
  assert.deepEqual(
    inboundRules([policy(from)], "mt", true).map(({ conf, matches, origin }) => [conf, matches, origin.rule]),
    [[1, [], "from[0]"]],
  );
  assert.deepEqual(inboundRules([policy(from)], "mtp", false), []);
  const both = policy({ ...from, rules: [{ default: 2 }] });
  assert.deepEqual(
    inboundRules([both], "mt", true).map(({ conf }) => conf),
    [2],
  );
});

test("from entries keep their targets", () => {
  const spec: PolicySpec = { from: [{ targetRef: { kind: "MeshSubset", tags: { a: "b" } }, default: 1 }] };
  assert.deepEqual(
    fromRules([policy(spec)], "mtp").map(({ target, conf }) => [target.tags, conf]),
    [[{ a: "b" }, 1]],
  );
});

/* Laws. */

const topTarget = fc.constantFrom<TargetRef | undefined>(
  undefined,
  MESH,
  { kind: "Dataplane" },
  { kind: "Dataplane", labels: { app: "web" } },
  { kind: "Dataplane", name: "web-01" },
  { kind: "MeshSubset", tags: { "kuma.io/service": "web" } },
  { kind: "MeshService", name: "web" },
);
const toTarget = fc.constantFrom<TargetRef>(MESH, backend, { ...backend, sectionName: "main" });
const labels = fc.record(
  {
    "kuma.io/origin": fc.constantFrom("zone", "global"),
    "kuma.io/policy-role": fc.constantFrom("producer", "consumer"),
    "kuma.io/display-name": fc.constantFrom("a", "b"),
  },
  { requiredKeys: [] },
);
const conf = fc.record({ x: fc.nat(9), y: fc.nat(9) }, { requiredKeys: [] });
const somePolicies = fc
  .array(
    fc.record({
      top: topTarget,
      labels,
      to: fc.array(fc.tuple(toTarget, conf), { minLength: 1, maxLength: 3 }),
    }),
    {
      maxLength: 5,
    },
  )
  .map((list) =>
    list.map(({ top, labels: given, to: entries }, i) => {
      const spec: PolicySpec = {
        ...(top === undefined ? {} : { targetRef: top }),
        to: entries.map(([targetRef, each]) => ({ targetRef, default: each })),
        rules: entries.map(([, each]) => ({ default: each })),
      };
      return policy(spec, { name: `p${i}`, labels: given });
    }),
  );

test("the order of arrival never matters", () => {
  const shuffled = somePolicies.chain((list) =>
    fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })),
  );
  fc.assert(
    fc.property(shuffled, ([list, other]) => {
      const out = (policies: readonly PolicyResource[]) =>
        merge(outboundRules(policies, destination(), "mt"));
      assert.deepEqual(out(other), out(list));
      const inn = (policies: readonly PolicyResource[]) => merge(inboundRules(policies, "mt", true));
      assert.deepEqual(inn(other), inn(list));
    }),
  );
});

test("what a more specific policy sets, no broader one takes back", () => {
  const specificity = (top: TargetRef | undefined): number =>
    ["Mesh", "Dataplane", "MeshSubset", "MeshService"].indexOf(top?.kind ?? "Mesh");
  fc.assert(
    fc.property(somePolicies, (list) => {
      const merged = merge<Record<string, number>>(outboundRules(list, destination(), "mt"));
      for (const field of ["x", "y"]) {
        const setters = list.filter(({ spec }) =>
          (spec.to ?? []).some((entry) => Reflect.get(entry.default as object, field) !== undefined),
        );
        const best = Math.max(...setters.map(({ spec }) => specificity(spec.targetRef)));
        const from = merged?.origins[field]?.policy;
        const winners = setters.filter((each) => policyKri(each, "mt") === from);
        assert.ok(
          setters.length === 0 || winners.some(({ spec }) => specificity(spec.targetRef) === best),
          `${field} comes from ${from}`,
        );
      }
    }),
  );
});

test("within a policy, a field comes from the most specific entry that sets it, and of equals from the last", () => {
  const specificity = ({ kind, sectionName }: TargetRef) =>
    kind === "Mesh" ? 0 : sectionName === undefined ? 1 : 2;
  fc.assert(
    fc.property(fc.array(fc.tuple(toTarget, conf), { minLength: 1, maxLength: 5 }), (entries) => {
      const made = policy({ to: entries.map(([targetRef, each]) => ({ targetRef, default: each })) });
      const merged = merge<Record<string, number>>(outboundRules([made], destination(), "mt"));
      for (const field of ["x", "y"] as const) {
        const setters = entries.flatMap(([ref, each], i) =>
          each[field] === undefined ? [] : [{ i, rank: specificity(ref) }],
        );
        const best = setters.toSorted((a, b) => a.rank - b.rank || a.i - b.i).at(-1);
        assert.equal(merged?.origins[field]?.rule, best && `to[${best.i}]`);
      }
    }),
  );
});
