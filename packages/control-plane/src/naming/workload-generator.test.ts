import assert from "node:assert/strict";
import { test } from "node:test";
import type { DataplaneResource, WorkloadResource } from "@skein/model";
import { dataplane, inbound, SETTINGS, stored } from "./testing/resources.ts";
import { deriveWorkload } from "./workload-generator.ts";

const labels = { "kuma.io/workload": "job" };

function derive(dataplanes: readonly DataplaneResource[], existing?: WorkloadResource, name = "job") {
  const facts = { connected: (_: string, dataplane: string) => dataplane !== "down" };
  return deriveWorkload({ mesh: "demo", name, dataplanes, existing, facts, settings: SETTINGS });
}

test("a workload label becomes a Workload with counts, which settles and goes with its last dataplane", () => {
  const { draft } = derive([
    dataplane("a", [inbound(undefined, 80)], { labels }),
    dataplane("down", [inbound(undefined, 80, { state: "NotReady" })], { labels }),
    dataplane("idle", [], { labels }),
  ]);
  assert.ok(draft);
  assert.deepEqual(draft.status, { dataplaneProxies: { connected: 2, healthy: 2, total: 3 } });
  assert.deepEqual(draft.labels, {
    "kuma.io/display-name": "job",
    "kuma.io/managed-by": "workload-generator",
    "kuma.io/mesh": "demo",
    "kuma.io/origin": "zone",
    "kuma.io/zone": "east",
    "kuma.io/env": "universal",
  });
  const existing = stored(draft);
  const one = derive([dataplane("a", [], { labels })], existing).draft;
  assert.deepEqual(one?.status?.dataplaneProxies, { connected: 1, healthy: 1, total: 1 });
  assert.ok(one);
  assert.deepEqual(derive([dataplane("a", [], { labels })], stored(one)).draft, stored(one));
  assert.equal(derive([], existing).draft, undefined);
});

test("a user's Workload gets counts and stays; a label that cannot be a name is reported", () => {
  const users = stored({ type: "Workload", mesh: "demo", name: "job", labels: { team: "core" }, spec: {} });
  const { draft } = derive([dataplane("a", [], { labels })], users);
  assert.deepEqual(draft?.labels, { team: "core" });
  assert.equal(draft?.status?.dataplaneProxies?.total, 1);
  assert.ok(derive([], users).draft);
  assert.equal(derive([dataplane("a", [])], undefined, "Job_1").problems[0]?.reason, "InvalidName");
});
