import assert from "node:assert/strict";
import { test } from "node:test";
import type { HostnameGeneratorResource } from "@skein/model";
import fc from "fast-check";
import { HostnameIndex } from "./hostname-index.ts";
import { evaluateHostnames, type HostnameSubject, hostnameStatus, withHostnames } from "./hostnames.ts";
import { defaultGenerator, generator, userService } from "./testing/resources.ts";

function subject(name: string, more: Partial<HostnameSubject> = {}): HostnameSubject {
  return { mesh: "demo", name, labels: {}, creationTime: "2026-01-01T00:00:00Z", ...more };
}

function evaluate(generators: readonly HostnameGeneratorResource[], ...services: readonly HostnameSubject[]) {
  return Object.fromEntries(
    [...evaluateHostnames(generators, "meshService", services)].map(([name, outcomes]) => [
      name,
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
  const outcomes = evaluateHostnames(twice, "meshService", [subject("a")]).get("a") ?? [];
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

const NAMES = ["a", "b", "c", "d"];
const arbitrarySubject = fc.record({
  name: fc.constantFrom(...NAMES),
  display: fc.constantFrom("x", "y"),
  team: fc.constantFrom("1", "2"),
  creationTime: fc.constantFrom("", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"),
});
const arbitraryGenerators = fc.uniqueArray(
  fc.record({
    name: fc.constantFrom("g1", "g2", "g3"),
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
  { weight: 2, arbitrary: fc.constantFrom(...NAMES) },
  { weight: 1, arbitrary: arbitraryGenerators },
);

test("the index tells what an evaluation from scratch tells, and names whom a change touches", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const index = new HostnameIndex("meshService");
      const services = new Map<string, HostnameSubject>();
      let generators: HostnameGeneratorResource[] = [];
      let last = new Map<string, string>();
      for (const each of steps) {
        let touched: ReadonlySet<string> = new Set(NAMES);
        if (typeof each === "string") {
          services.delete(each);
          touched = new Set([each, ...index.delete(each)]);
        } else if (Array.isArray(each)) {
          generators = each.map(({ name, template, team, origin }) =>
            generator(name, template, team === undefined ? {} : { team }, {
              labels: { "kuma.io/origin": origin },
            }),
          );
          index.setGenerators(generators);
        } else {
          const { name, display, team, creationTime } = each;
          const next = subject(name, { labels: { "kuma.io/display-name": display, team }, creationTime });
          services.set(name, next);
          touched = new Set([name, ...index.set(next)]);
        }
        const expected = evaluateHostnames(generators, "meshService", [...services.values()]);
        const now = new Map<string, string>();
        for (const name of NAMES) {
          assert.deepEqual(index.outcomes(name), expected.get(name) ?? []);
          now.set(name, JSON.stringify(index.outcomes(name)));
          if (!touched.has(name)) assert.equal(now.get(name), last.get(name) ?? "[]");
        }
        last = now;
      }
    }),
  );
});

test("a template that gives every service the same name costs no more than others", () => {
  const index = new HostnameIndex("meshService");
  index.setGenerators([generator("all", "fixed.mesh.local")]);
  const began = performance.now();
  for (let n = 0; n < 20_000; n++) index.set(subject(`s-${String(n).padStart(6, "0")}`));
  assert.equal(index.outcomes("s-019999")[0]?.condition.reason, "Collision");
  assert.ok(performance.now() - began < 2_000);
});
