import assert from "node:assert/strict";
import { test } from "node:test";
import { type Blame, blame } from "./blame.ts";
import { goldenCases, goldenWorld } from "./testing/golden.ts";

/** Whatever is told of every resource of every proxy of a golden case. */
function* blamed(name: string): Generator<{ readonly at: string; readonly of: Blame }> {
  const world = goldenWorld(name);
  for (const mesh of world.meshNames().map((each) => world.mesh(each))) {
    for (const dataplane of mesh.index.dataplaneNames()) {
      const plan = mesh.planner.plan.at(dataplane).get();
      const config = mesh.config.at(dataplane).get();
      if (plan === undefined || config === undefined) continue;
      for (const of of blame(plan, config)) {
        yield { at: `${dataplane}: ${of.fragment.type} ${of.fragment.name}`, of };
      }
    }
  }
}

const SERVICES: readonly string[] = ["MeshService", "MeshExternalService", "MeshMultiZoneService"];

for (const name of goldenCases()) {
  test(`${name}: every resource is traced to a resource of the API, and every policy behind it to a rule`, () => {
    const untraced: string[] = [];
    for (const { at, of } of blamed(name)) {
      const { fragment, fields, parts, sources } = of;
      if (parts.length === 0 || sources.length === 0) untraced.push(`${at} has no source`);
      for (const policy of fragment.origins) {
        const isSource = sources.some(({ kri }) => kri === policy);
        const isPolicy = fields.some(({ origin }) => origin?.policy === policy && origin.rule !== "");
        if (!isSource && !isPolicy) untraced.push(`${at} has no rule of ${policy}`);
      }
      for (const part of parts) {
        if (part.kind !== "outbound" && part.kind !== "backend") continue;
        const isTag = !part.destination.startsWith("kri_");
        const ends = isTag ? ["Dataplane"] : SERVICES;
        if (!sources.some(({ type }) => ends.includes(type))) untraced.push(`${at} has no destination`);
      }
    }
    assert.deepEqual(untraced, []);
  });
}

const partsOf = (name: string, wanted: string): readonly string[] =>
  [...blamed(name)]
    .filter(({ at }) => at.includes(wanted))
    .flatMap(({ of }) => of.parts.map(({ kind }) => kind));
const policiesOf = (name: string, wanted: string): readonly string[] =>
  [...blamed(name)].filter(({ at }) => at.includes(wanted)).flatMap(({ of }) => of.fragment.origins);

test("the cluster of a service that a filter asks is the inbound's, or the gateway's, and of the policy that asks it", () => {
  for (const [name, at, kind] of [
    ["global-rate-limit", "web-1: cluster rate-limit-service", "inbound"],
    ["gateway-policies", "edge-1: cluster opa-agent", "gateway"],
  ] as const) {
    assert.deepEqual([...new Set(partsOf(name, at))], [kind]);
  }
  for (const [service, kind] of [
    ["rate-limit-service", "mgrl"],
    ["opa-agent", "mopa"],
  ]) {
    const policies = policiesOf("gateway-policies", `edge-1: cluster ${service}`);
    assert.ok(policies.length > 0);
    assert.deepEqual(
      policies.filter((kri) => !kri.startsWith(`kri_${kind}_`)),
      [],
    );
  }
});
