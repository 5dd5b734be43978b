import assert from "node:assert/strict";
import { test } from "node:test";
import { openMemoryStore } from "../store/memory.ts";
import { stored } from "./testing/resources.ts";
import { warningsFor } from "./warnings.ts";

const DATAPLANE = {
  type: "Dataplane",
  mesh: "default",
  name: "web",
  labels: { app: "web" },
  networking: { address: "127.0.1.1", inbound: [{ port: 8080, protocol: "http" }] },
};
const timeout = (app: string, labels: object) =>
  stored(
    {
      type: "MeshTimeout",
      mesh: "default",
      name: "t",
      labels,
      spec: {
        targetRef: { kind: "Dataplane", labels: { app } },
        to: [{ targetRef: { kind: "Mesh" }, default: { idleTimeout: "1s" } }],
      },
    },
    2,
  );
const NOBODY = "spec.targetRef selects none of the dataplanes that are there now";

test("a policy on trial is judged as if it were in force", async () => {
  const store = openMemoryStore({ now: () => 0 });
  await store.write([{ op: "put", resource: stored(DATAPLANE, 1) }]);
  for (const labels of [{}, { "kuma.io/effect": "shadow" }]) {
    const warnings = (app: string) => warningsFor(timeout(app, labels), store, () => true);
    assert.deepEqual(warnings("web"), []);
    assert.deepEqual(warnings("wbe"), [NOBODY]);
  }
});

test("outbounds beside transparent proxying are a contradiction to come", () => {
  const store = openMemoryStore({ now: () => 0 });
  const warnings = (networking: object) => {
    const dataplane = { ...DATAPLANE, networking: { ...DATAPLANE.networking, ...networking } };
    return warningsFor(stored(dataplane, 1), store, () => false);
  };
  const outbound = [{ port: 10_080, tags: { "kuma.io/service": "backend" } }];
  const transparentProxying = { redirectPortInbound: 15_006, redirectPortOutbound: 15_001 };
  assert.deepEqual(warnings({ outbound }), []);
  assert.deepEqual(warnings({ transparentProxying }), []);
  assert.match(warnings({ outbound, transparentProxying })[0] ?? "", /^networking\.outbound: is not needed/);
});
