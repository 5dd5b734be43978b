import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fragmentJson } from "../pipeline/config-dump.ts";
import { document } from "../pipeline/testing/arbitrary/any-document.ts";
import type { Document } from "../pipeline/testing/arbitrary/document.ts";
import { DATAPLANES } from "../pipeline/testing/arbitrary/names.ts";
import { Documents, ZONE } from "../pipeline/testing/resources.ts";
import { World } from "../pipeline/world.ts";
import type { Fragment, ProxyConfig } from "../xds/fragment.ts";
import { FragmentTable } from "../xds/fragment-table.ts";

const MESH = { type: "Mesh", name: "default", meshServices: { mode: "Exclusive" } };

function worldWith(table: FragmentTable, documents: readonly Document[]): World {
  const world = new World({ zone: ZONE, table });
  new Documents().put(world, MESH, ...documents);
  return world;
}

function configOf(world: World, dataplane: string): ProxyConfig | undefined {
  return world.mesh("default").config.at(dataplane).get();
}

const patch = (name: string, targetRef: object, ...appendModifications: object[]): Document => ({
  type: "MeshProxyPatch",
  mesh: "default",
  name,
  spec: { targetRef, default: { appendModifications } },
});
const everything = (config: ProxyConfig | undefined): readonly Fragment[] =>
  config === undefined
    ? []
    : [config.clusters, config.endpoints, config.listeners, config.routes].flatMap((map) => [
        ...map.values(),
      ]);

test("law: a patch that changes nothing leaves every proxy with the same fragments", () => {
  const idle = patch(
    "idle",
    { kind: "Mesh" },
    { cluster: { operation: "Remove", match: { name: "nobody" } } },
    { httpFilter: { operation: "Remove", match: { name: "nobody" } } },
  );
  fc.assert(
    fc.property(fc.array(document, { minLength: 5, maxLength: 25 }), (documents) => {
      const rest = documents.filter(({ type }) => type !== "MeshProxyPatch" && type !== "Mesh");
      const table = new FragmentTable();
      const [without, withIt] = [worldWith(table, rest), worldWith(table, [...rest, idle])];
      for (const name of DATAPLANES) {
        const [before, after] = [configOf(without, name), configOf(withIt, name)];
        assert.equal(before?.patched, undefined, "a proxy without a patch pays nothing");
        const [old, now] = [everything(before), everything(after)];
        assert.equal(old.length, now.length);
        old.forEach((fragment, i) => {
          assert.equal(now[i], fragment, fragment.name);
        });
      }
    }),
    { numRuns: 60 },
  );
});

const twins: readonly Document[] = ["d0", "d1", "d2"].map((name, i) => ({
  type: "Dataplane",
  mesh: "default",
  name,
  labels: { app: i === 2 ? "other" : "web" },
  networking: {
    address: `127.0.1.${i}`,
    inbound: [{ port: 8080, protocol: "http", tags: { "kuma.io/service": "web" } }],
    outbound: [{ port: 10080, tags: { "kuma.io/service": "web" } }],
  },
}));
const slow = {
  cluster: { operation: "Patch", match: { origin: "outbound" }, value: "connectTimeout: 7s" },
};
const web = { kind: "Dataplane", labels: { app: "web" } };

test("a patched fragment is made once for all proxies with equal patches", () => {
  const world = worldWith(new FragmentTable(), [...twins, patch("slow", web, slow)]);
  const patchFor = (name: string) => {
    const plan = world.mesh("default").planner.plan.at(name).get();
    return plan && world.translator.patch(plan.policies);
  };
  assert.ok(patchFor("d0"));
  assert.equal(
    patchFor("d0"),
    patchFor("d1"),
    "the same patch, so what it made of a fragment is found again",
  );
  assert.equal(patchFor("d2"), undefined);
  const [first, second, other] = ["d0", "d1", "d2"].map((name) => configOf(world, name));
  assert.ok(first && second && other);
  const [name] = [...first.clusters.keys()].filter((each) => !each.startsWith("self_"));
  assert.ok(name);
  assert.equal(first.clusters.get(name), second.clusters.get(name));
  assert.notEqual(
    first.clusters.get(name),
    other.clusters.get(name),
    "whom it does not select keeps its own",
  );
  assert.deepEqual(first.clusters.get(name)?.origins, ["kri_mpp_default_east__slow_"]);
  assert.deepEqual(other.clusters.get(name)?.origins, []);
});

test("policies run in the order of their precedence, the least specific first", () => {
  const named = patch(
    "a",
    { kind: "Dataplane", name: "d0" },
    {
      cluster: {
        operation: "Patch",
        jsonPatches: [{ op: "copy", from: "/connectTimeout", path: "/cleanupInterval" }],
      },
    },
  );
  const world = worldWith(new FragmentTable(), [...twins, named, patch("b", { kind: "Mesh" }, slow)]);
  const config = configOf(world, "d0");
  assert.deepEqual(config?.patched?.problems, []);
  const outbound = [...(config?.clusters.values() ?? [])].find(({ name }) => !name.startsWith("self_"));
  assert.ok(outbound);
  assert.deepEqual(outbound.origins, ["kri_mpp_default_east__a_", "kri_mpp_default_east__b_"]);
  const { connectTimeout, cleanupInterval } = fragmentJson(outbound) as Record<string, unknown>;
  assert.deepEqual([connectTimeout, cleanupInterval], ["7s", "7s"], "the copy was made after the change");
});

test("what cannot be done is in the report, and the resource is as it was", () => {
  const impossible = patch(
    "bad",
    { kind: "Mesh" },
    {
      cluster: {
        operation: "Patch",
        match: { origin: "inbound" },
        jsonPatches: [{ op: "replace", path: "/healthChecks/0", value: {} }],
      },
    },
  );
  const table = new FragmentTable();
  const config = configOf(worldWith(table, [...twins, impossible]), "d0");
  assert.deepEqual(config?.patched?.problems, [
    {
      origin: { policy: "kri_mpp_default_east__bad_", rule: "default.appendModifications[0]" },
      resource: "cluster self_inbound_dp_8080",
      message: 'replace /healthChecks/0: there is nothing at this path; "add" would make it',
    },
  ]);
  const plain = configOf(worldWith(table, twins), "d0");
  assert.equal(config?.clusters.get("self_inbound_dp_8080"), plain?.clusters.get("self_inbound_dp_8080"));
});

test("a cluster that is taken away takes its endpoints along, and one that is added is there", () => {
  const swap = patch(
    "swap",
    { kind: "Mesh" },
    { cluster: { operation: "Remove", match: { origin: "outbound" } } },
    { cluster: { operation: "Add", value: "name: extra" } },
  );
  const config = configOf(worldWith(new FragmentTable(), [...twins, swap]), "d0");
  assert.deepEqual([...(config?.clusters.keys() ?? [])].sort(), ["extra", "self_inbound_dp_8080"]);
  assert.equal(config?.endpoints.size, 0);
});

test("a fragment that sidecars and gateways share is patched as what it is for each of them", () => {
  const world = worldWith(new FragmentTable(), [...twins, patch("slow", web, slow)]);
  const mesh = world.mesh("default");
  const shared = configOf(world, "d2")?.clusters.get("web");
  const plan = mesh.planner.plan.at("d0").get();
  const found = plan && world.translator.patch(plan.policies);
  assert.ok(shared !== undefined && found !== undefined);
  assert.deepEqual(
    ["gateway", "outbound", "gateway"].map((origin) => found.of(shared, origin).by.length),
    [0, 1, 0],
  );
});
