import assert from "node:assert/strict";
import { test } from "node:test";
import type { DataplaneResource, MeshServiceResource } from "@skein/model";
import fc from "fast-check";
import { ServiceMembers, selectsDataplane } from "./service-members.ts";

const META = {
  mesh: "default",
  creationTime: "2026-01-01T00:00:00Z",
  modificationTime: "2026-01-01T00:00:00Z",
  revision: 1,
};

type Pairs = Readonly<Record<string, string>>;
const dataplane = (name: string, labels: Pairs, ...tags: readonly Pairs[]): DataplaneResource => ({
  ...META,
  type: "Dataplane",
  name,
  labels,
  spec: { networking: { inbound: tags.map((each, i) => ({ port: 8080 + i, tags: each })) } },
});
const service = (name: string, selector: MeshServiceResource["spec"]["selector"]): MeshServiceResource => ({
  ...META,
  type: "MeshService",
  name,
  labels: {},
  spec: { state: "Available", selector },
});

const web = dataplane("web-1", { app: "web" }, { "kuma.io/service": "web", version: "1" }, { version: "2" });
const cases: readonly [about: string, selector: MeshServiceResource["spec"]["selector"], found: boolean][] = [
  ["no selector", undefined, false],
  ["by name", { dataplaneRef: { name: "web-1" } }, true],
  ["by another name", { dataplaneRef: { name: "web" } }, false],
  ["labels", { dataplaneLabels: { matchLabels: { app: "web" } } }, true],
  ["labels: all of them", { dataplaneLabels: { matchLabels: { app: "web", tier: "1" } } }, false],
  ["no labels: everybody", { dataplaneLabels: {} }, true],
  ["tags of one inbound", { dataplaneTags: { "kuma.io/service": "web", version: "1" } }, true],
  ["tags of different inbounds", { dataplaneTags: { "kuma.io/service": "web", version: "2" } }, false],
  ["a tag with any value", { dataplaneTags: { version: "*" } }, true],
];

for (const [about, selector, found] of cases) {
  test(`a service with ${about} ${found ? "finds" : "does not find"} the dataplane`, () => {
    assert.equal(selectsDataplane(service("s", selector), web), found);
  });
}

const pairs = fc.dictionary(fc.constantFrom("a", "kuma.io/service"), fc.constantFrom("x", "y"), {
  maxKeys: 2,
});
const wanted = fc.dictionary(fc.constantFrom("a", "kuma.io/service"), fc.constantFrom("x", "y", "*"), {
  maxKeys: 2,
});
const names = fc.constantFrom("n0", "n1", "n2", "n3");
const anyDataplane = fc
  .tuple(names, pairs, fc.array(pairs, { maxLength: 2 }))
  .map(([name, labels, tags]) => dataplane(name, labels, ...tags));
const anyService = fc
  .tuple(
    names,
    fc.oneof(
      fc.constant(undefined),
      names.map((name) => ({ dataplaneRef: { name } })),
      pairs.map((matchLabels) => ({ dataplaneLabels: { matchLabels } })),
      wanted.map((dataplaneTags) => ({ dataplaneTags })),
    ),
  )
  .map(([name, selector]) => service(name, selector));
const change = fc.oneof(
  fc.record({ dataplane: anyDataplane }),
  fc.record({ service: anyService }),
  fc.record({ noDataplane: names }),
  fc.record({ noService: names }),
);

test("the index knows what looking at everything would find, and says which services changed", () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 40, size: "max" }), (changes) => {
      const index = new ServiceMembers();
      const dataplanes = new Map<string, DataplaneResource>();
      const services = new Map<string, MeshServiceResource>();
      const found = (name: string) => {
        const one = services.get(name);
        if (one === undefined) return [];
        return [...dataplanes.values()]
          .filter((each) => selectsDataplane(one, each))
          .sort((a, b) => (a.name < b.name ? -1 : 1));
      };
      const setDataplane = (name: string, after: DataplaneResource | undefined) => {
        const before = new Map(Array.from(services.keys(), (each) => [each, found(each)]));
        const touched = index.dataplaneChanged(dataplanes.get(name), after);
        if (after === undefined) dataplanes.delete(name);
        else dataplanes.set(name, after);
        for (const [each, members] of before) {
          const same =
            members.length === found(each).length && members.every((member, i) => member === found(each)[i]);
          assert.ok(same || touched.has(each), `${each} changed and nobody said so`);
        }
      };
      const setService = (name: string, after: MeshServiceResource | undefined) => {
        index.serviceChanged(services.get(name), after);
        if (after === undefined) services.delete(name);
        else services.set(name, after);
      };
      for (const each of changes) {
        if ("dataplane" in each) setDataplane(each.dataplane.name, each.dataplane);
        else if ("service" in each) setService(each.service.name, each.service);
        else if ("noDataplane" in each) setDataplane(each.noDataplane, undefined);
        else setService(each.noService, undefined);
        for (const name of services.keys()) assert.deepEqual(index.members(name), found(name));
        for (const one of dataplanes.values()) {
          const of = [...services.keys()].filter((name) => found(name).includes(one)).sort();
          assert.deepEqual(index.servicesOf(one), of);
        }
      }
    }),
    { numRuns: 200 },
  );
});
