import assert from "node:assert/strict";
import { test } from "node:test";
import { fragmentJson } from "../pipeline/config-dump.ts";
import { stored, ZONE } from "../pipeline/testing/resources.ts";
import { World } from "../pipeline/world.ts";
import { openMemoryStore } from "../store/memory.ts";
import type { Fragment, ProxyConfig } from "../xds/fragment.ts";
import { shapeOf } from "./config-check.ts";
import type { EnvoyVerdict } from "./envoy-validator.ts";
import { type PatchTrialOptions, tryPatch } from "./try-patch.ts";

/* How often Envoy is asked and what is made of its answers, with answers made up here. */

type Ask = (dataplane: string, config: ProxyConfig) => Promise<EnvoyVerdict>;

/** A mesh of twelve instances of one service, and a patch tried on it. */
async function trial(
  ask: Ask,
  appendModifications: readonly object[],
  shapes: PatchTrialOptions["shapeOf"] = shapeOf,
) {
  const store = openMemoryStore({ now: () => 0 });
  const world = new World({ zone: ZONE });
  store.watch((changes) => world.apply(changes));
  const create = async (document: object) =>
    await store.write([{ op: "create", resource: stored(document, 1) }]);
  await create({ type: "Mesh", name: "default", meshServices: { mode: "Exclusive" } });
  for (let i = 0; i < 12; i++) {
    await create({
      type: "Dataplane",
      mesh: "default",
      name: `web-${i}`,
      networking: { address: `127.0.1.${i}`, inbound: [{ port: 8080, protocol: "http" }] },
    });
  }
  const document = {
    type: "MeshProxyPatch",
    mesh: "default",
    name: "p",
    spec: { default: { appendModifications } },
  };
  return await tryPatch({ world, store, ask, shapeOf: shapes, now: () => 0 }, stored(document, 1));
}

const timeout = (value: string) => ({
  cluster: { operation: "Patch", match: {}, jsonPatches: [{ op: "add", path: "/connectTimeout", value }] },
});
const timeoutOf = ({ clusters }: ProxyConfig): unknown =>
  [...clusters.values()].map((fragment: Fragment) =>
    Reflect.get(Object(fragmentJson(fragment)), "connectTimeout"),
  )[0];

test("instances of one service are one kind: Envoy is asked about one of them", async () => {
  const asked: string[] = [];
  const accept: Ask = async (name) => {
    asked.push(name);
    return { kind: "accepted" };
  };
  assert.deepEqual(await trial(accept, [timeout("1s")]), { violations: [], warnings: [] });
  assert.deepEqual(asked, ["web-0"]);
});

test("of many kinds a few are shown, and how many are not is said", async () => {
  let asked = 0;
  const accept: Ask = async () => {
    asked += 1;
    return { kind: "accepted" };
  };
  let shape = 0;
  const { warnings } = await trial(accept, [timeout("1s")], async () => String(shape++));
  assert.equal(asked, 8);
  assert.deepEqual(warnings, ["Envoy was not asked about 4 more kinds of configuration that this changes"]);
});

test("the first modification with which Envoy refuses is the guilty one", async () => {
  for (const guilty of [0, 1, 2, 3, 4]) {
    const refuse: Ask = async (_, config) =>
      Number(/^\d+/.exec(String(timeoutOf(config)))?.[0]) >= 100 + guilty
        ? { kind: "refused", message: `no, at ${String(timeoutOf(config))}` }
        : { kind: "accepted" };
    const { violations } = await trial(
      refuse,
      [100, 101, 102, 103, 104].map((each) => timeout(`${each}s`)),
    );
    assert.deepEqual(violations, [
      {
        field: `spec.default.appendModifications[${guilty}].cluster`,
        reason: `Envoy refuses what dataplane "web-0" would get: no, at ${100 + guilty}s`,
      },
    ]);
  }
});

test("what Envoy refuses anyway is not the patch's fault", async () => {
  const refuse: Ask = async () => ({ kind: "refused", message: "never" });
  assert.deepEqual(await trial(refuse, [timeout("1s")]), {
    violations: [],
    warnings: [
      'Envoy refuses what dataplane "web-0" has without this document too, so nothing can be said of it: never',
    ],
  });
});
