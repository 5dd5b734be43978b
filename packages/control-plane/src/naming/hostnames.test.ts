import assert from "node:assert/strict";
import { test } from "node:test";
import type { HostnameGeneratorResource } from "@skein/model";
import fc from "fast-check";
import { HostnameIndex } from "./hostname-index.ts";
import {
  evaluateHostnames,
  type HostnameSubject,
  hostnameStatus,
  subjectKey,
  withHostnames,
} from "./hostnames.ts";
import { defaultGenerator, generator, userService } from "./testing/resources.ts";

function subject(name: string, more: Partial<HostnameSubject> = {}): HostnameSubject {
  return {
    type: "MeshService",
    mesh: "demo",
    name,
    labels: {},
    creationTime: "2026-01-01T00:00:00Z",
    ...more,
  };
}

function evaluate(generators: readonly HostnameGeneratorResource[], ...services: readonly HostnameSubject[]) {
  return Object.fromEntries(
    [...evaluateHostnames(generators, services)].map(([key, outcomes]) => [
      key.replace("MeshService/", ""),
      outcomes.map(({ hostname, condition }) => hostname ?? condition.reason),
    ]),
  );
}

test("a generator names the services that its labels find, by display name and labels", () => {
  const local = subject("api-x1", { labels: { "kuma.io/origin": "zone", "kuma.io/display-name": "api" } });
  const synced = subject("other", {
    labels: { "kuma.io/origin": "global", "kuma.io/zone": "west", team: "core" },
  });
  const west = generator("west", '{{ .Name }}.{{ label "team" }}.{{ .Zone }}.{{ .Mesh }}', {
    "kuma.io/origin": "global",
  });
  assert.deepEqual(evaluate([defaultGenerator(), west], local, synced), {
    "api-x1": ["api.svc.mesh.local"],
    other: ["other.core.west.demo"],
  });
});

test("a hostname belongs to the oldest service, then to the first by name", () => {
  const all = [generator("all", "fixed.mesh.local")];
  assert.deepEqual(evaluate(all, subject("a", { creationTime: "2026-01-02T00:00:00Z" }), subject("b")), {
    a: ["Collision"],
    b: ["fixed.mesh.local"],
  });
  assert.deepEqual(evaluate(all, subject("b"), subject("a")), { a: ["fixed.mesh.local"], b: ["Collision"] });
  assert.deepEqual(evaluate(all, subject("a", { creationTime: "" }), subject("b")), {
    a: ["Collision"],
    b: ["fixed.mesh.local"],
  });
});

test("generators of the zone come first, then the older ones", () => {
  const zone = generator("z", "x.mesh.local", { of: "zone" }, { labels: { "kuma.io/origin": "zone" } });
  const older = generator("older", "x.mesh.local", { of: "older" }, { creationTime: "2025-01-01T00:00:00Z" });
  const services = [
    subject("by-zone", { labels: { of: "zone" }, creationTime: "2026-05-05T00:00:00Z" }),
    subject("by-older", { labels: { of: "older" } }),
  ];
  assert.deepEqual(evaluate([older, zone], ...services), {
    "by-zone": ["x.mesh.local"],
    "by-older": ["Collision"],
  });
});

test("a missing label and an impossible host name are template errors; other kinds' generators do not count", () => {
  const other = {
    ...generator("es", "a.local"),
    spec: { selector: { meshExternalService: {} }, template: "a.local" },
  };
  const generators = [
    generator("label", '{{ label "team" }}.local'),
    generator("zone", "x.{{ .Zone }}.local"),
    other,
  ];
  assert.deepEqual(evaluate(generators, subject("a")), { a: ["TemplateError", "TemplateError"] });
});

test("status lists hostnames once, keeps foreign addresses and tells how each generator fared", () => {
  const foreign = { hostname: "api.ns.svc.cluster.local", origin: "Kubernetes" };
  const stale = {
    hostname: "old.local",
    origin: "HostnameGenerator",
    hostnameGeneratorRef: { coreName: "gone" },
  };
  const twice = [generator("one", "a.local"), generator("two", "a.local")];
  const outcomes = evaluateHostnames(twice, [subject("a")]).get("MeshService/a") ?? [];
  assert.deepEqual(hostnameStatus({ addresses: [foreign, stale] }, outcomes), {
    addresses: [
      foreign,
      { hostname: "a.local", origin: "HostnameGenerator", hostnameGeneratorRef: { coreName: "one" } },
    ],
    hostnameGenerators: ["one", "two"].map((coreName) => ({
      hostnameGeneratorRef: { coreName },
      conditions: [{ type: "Generated", status: "True", reason: "Generated", message: "" }],
    })),
  });
  const service = userService("a", {}, { status: { vips: [{ ip: "241.0.0.1" }] } });
  const named = withHostnames(service, outcomes);
  assert.deepEqual(named.status?.vips, [{ ip: "241.0.0.1" }]);
  assert.equal(withHostnames(named, outcomes), named);
  assert.deepEqual(withHostnames(named, []).status, service.status);
});

test("a hostname has one owner among all kinds of services", () => {
  const external = generator(
    "es",
    "{{ .DisplayName }}.mesh.local",
    {},
    {
      spec: { selector: { meshExternalService: {} }, template: "{{ .DisplayName }}.mesh.local" },
      labels: { "kuma.io/origin": "zone" },
    },
  );
  const all = [external, generator("ms", "{{ .DisplayName }}.mesh.local")];
  const young = subject("api", { type: "MeshExternalService", creationTime: "2026-05-05T00:00:00Z" });
  const outcomes = evaluateHostnames(all, [subject("api"), young]);
  assert.equal(outcomes.get("MeshExternalService/api")?.[0]?.hostname, "api.mesh.local");
  assert.deepEqual(outcomes.get("MeshService/api")?.[0]?.condition, {
    type: "Generated",
    status: "False",
    reason: "Collision",
    message:
      'api.mesh.local is the hostname of MeshExternalService "api", which is older or named by an earlier generator',
  });
  const same = evaluateHostnames(
    [
      generator(
        "any",
        "one.local",
        {},
        { spec: { selector: { meshExternalService: {} }, template: "one.local" } },
      ),
      generator("any", "one.local"),
    ],
    [subject("b", { type: "MeshExternalService" }), subject("a")],
  );
  assert.equal(same.get("MeshExternalService/b")?.[0]?.hostname, "one.local");
});

test("a fixed name is its owner's, unless a generator gives it to another; the exact comes before the spelt", () => {
  const tagged = (name: string, ...fixed: string[]) => subject(name, { type: "TaggedService", fixed });
  const services = [
    tagged("a_b", "a_b.mesh", "a.b.mesh"),
    tagged("a.b", "a.b.mesh"),
    tagged("c", "c.mesh"),
    subject("c"),
  ];
  const outcomes = evaluateHostnames([generator("g", "{{ .Name }}.mesh")], services);
  const names = (key: string) => outcomes.get(key)?.flatMap(({ hostname }) => hostname ?? []);
  assert.deepEqual(names("TaggedService/a_b"), ["a_b.mesh"]);
  assert.deepEqual(names("TaggedService/a.b"), ["a.b.mesh"]);
  assert.deepEqual(names("TaggedService/c"), []);
  assert.deepEqual(names("MeshService/c"), ["c.mesh"]);
  assert.deepEqual(hostnameStatus(undefined, outcomes.get("TaggedService/a_b") ?? []), {
    addresses: [{ hostname: "a_b.mesh", origin: "ServiceTag" }],
  });
});

test("a service without the label of its display name is found by it", () => {
  const byName = generator("g", "{{ .Name }}.team.local", { "kuma.io/display-name": "api" });
  assert.deepEqual(evaluate([byName], subject("api"), subject("web")), { api: ["api.team.local"], web: [] });
});

const NAMES = ["a", "b", "c"];
const TYPES = ["MeshService", "MeshExternalService", "TaggedService"] as const;
const ALL = TYPES.flatMap((type) => NAMES.map((name) => ({ type, name })));
const arbitrarySubject = fc.record({
  type: fc.constantFrom(...TYPES),
  name: fc.constantFrom(...NAMES),
  display: fc.constantFrom("x", "y"),
  team: fc.constantFrom("1", "2"),
  creationTime: fc.constantFrom("", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"),
});
const arbitraryGenerators = fc.uniqueArray(
  fc.record({
    name: fc.constantFrom("g1", "g2", "g3"),
    of: fc.constantFrom("meshService", "meshExternalService"),
    template: fc.constantFrom(
      "{{ .DisplayName }}.local",
      "fixed.local",
      "{{ .Name }}.local",
      "x.{{ .Zone }}",
    ),
    team: fc.constantFrom("1", "2", undefined),
    origin: fc.constantFrom("zone", "global"),
  }),
  { selector: ({ name }) => name },
);
const step = fc.oneof(
  { weight: 6, arbitrary: arbitrarySubject },
  { weight: 2, arbitrary: fc.constantFrom(...ALL).map((gone) => ({ gone })) },
  { weight: 1, arbitrary: arbitraryGenerators },
);

test("the index tells what an evaluation from scratch tells, and names whom a change touches", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const index = new HostnameIndex();
      const services = new Map<string, HostnameSubject>();
      let generators: HostnameGeneratorResource[] = [];
      let last = new Map<string, string>();
      for (const each of steps) {
        let touched: ReadonlySet<string> = new Set(ALL.map(subjectKey));
        if ("gone" in each) {
          services.delete(subjectKey(each.gone));
          touched = new Set([each.gone, ...index.delete(each.gone)].map(subjectKey));
        } else if (Array.isArray(each)) {
          generators = each.map(({ name, of, template, team, origin }) =>
            generator(
              name,
              template,
              {},
              {
                spec: { selector: { [of]: { matchLabels: team === undefined ? {} : { team } } }, template },
                labels: { "kuma.io/origin": origin },
              },
            ),
          );
          index.setGenerators(generators);
        } else {
          const { type, name, display, team, creationTime } = each;
          const fixed = type === "TaggedService" ? { fixed: [`${name}.mesh`, `${display}.local`] } : {};
          const labels = { "kuma.io/display-name": display, team };
          const next = subject(name, { type, labels, creationTime, ...fixed });
          services.set(subjectKey(next), next);
          touched = new Set([next, ...index.set(next)].map(subjectKey));
        }
        const expected = evaluateHostnames(generators, [...services.values()]);
        const now = new Map<string, string>();
        for (const service of ALL) {
          const key = subjectKey(service);
          assert.deepEqual(index.outcomes(service), expected.get(key) ?? []);
          now.set(key, JSON.stringify(index.outcomes(service)));
          if (!touched.has(key)) assert.equal(now.get(key), last.get(key) ?? "[]");
        }
        last = now;
      }
    }),
  );
});

test("a template that gives every service the same name costs no more than others", () => {
  const index = new HostnameIndex();
  index.setGenerators([generator("all", "fixed.mesh.local")]);
  const began = performance.now();
  for (let n = 0; n < 20_000; n++) index.set(subject(`s-${String(n).padStart(6, "0")}`));
  const last = { type: "MeshService", name: "s-019999" } as const;
  assert.equal(index.outcomes(last)[0]?.condition.reason, "Collision");
  assert.ok(performance.now() - began < 2_000);
});
