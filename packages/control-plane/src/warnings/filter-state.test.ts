import assert from "node:assert/strict";
import { test } from "node:test";
import type { PolicyResource } from "@skein/policies";
import { stored } from "../pipeline/testing/resources.ts";
import { openMemoryStore } from "../store/memory.ts";
import { filterStateWarnings } from "./filter-state.ts";

const state = (key: string) => ({ type: "FilterState", filterState: { key } });
const SOURCE = { type: "Connection", connection: { sourceIP: true } };
const AT = "spec.to[0].default";
const nobodySets = (at: string, key: string) =>
  `${at}: no MeshProxyPatch sets "${key}" now, and nothing else does, so it has no effect; add a set_filter_state filter with factoryKey: envoy.hashable_string`;

/** Warnings of a strategy in a mesh where a MeshProxyPatch sets `airline.seat`. */
async function warned(conf: object): Promise<readonly string[]> {
  const store = openMemoryStore({ now: () => 0 });
  const typedConfig = {
    "@type": "type.googleapis.com/envoy.extensions.filters.http.set_filter_state.v3.Config",
    onRequestHeaders: [
      {
        objectKey: "airline.seat",
        factoryKey: "envoy.hashable_string",
        formatString: { textFormatSource: { inlineString: "%REQ(x-seat)%" } },
      },
    ],
  };
  const value = JSON.stringify({ name: "state", typedConfig });
  const appendModifications = [
    { httpFilter: { operation: "AddFirst", match: { origin: "outbound" }, value } },
  ];
  const patch = {
    type: "MeshProxyPatch",
    mesh: "default",
    name: "state",
    spec: { default: { appendModifications } },
  };
  await store.write([{ op: "create", resource: stored(patch, 1) }]);
  const to = [{ targetRef: { kind: "Mesh" }, default: conf }];
  const policy = { type: "MeshLoadBalancingStrategy", mesh: "default", name: "p", spec: { to } };
  return filterStateWarnings(stored(policy, 2) as PolicyResource, store);
}

test("a state that nothing sets is told of, wherever a list may stand", async () => {
  const loadBalancer = { type: "Maglev" };
  assert.deepEqual(await warned({ loadBalancer, hashPolicies: [SOURCE, state("airline.gate")] }), [
    nobodySets(`${AT}.hashPolicies[1].filterState.key`, "airline.gate"),
  ]);
  for (const [type, part] of [
    ["RingHash", "ringHash"],
    ["Maglev", "maglev"],
  ] as const) {
    assert.deepEqual(
      await warned({ loadBalancer: { type, [part]: { hashPolicies: [state("airline.gate")] } } }),
      [nobodySets(`${AT}.loadBalancer.${part}.hashPolicies[0].filterState.key`, "airline.gate")],
    );
  }
});

test("a state that a MeshProxyPatch sets is fine", async () => {
  const loadBalancer = { type: "Maglev" };
  assert.deepEqual(await warned({ loadBalancer, hashPolicies: [state("airline.seat"), SOURCE] }), []);
  assert.deepEqual(await warned({ loadBalancer }), []);
});
