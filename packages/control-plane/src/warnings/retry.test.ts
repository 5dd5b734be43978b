import assert from "node:assert/strict";
import { test } from "node:test";
import type { DataplaneResource } from "@skein/model";
import type { PolicyResource } from "@skein/policies";
import { stored } from "../pipeline/testing/resources.ts";
import { retryWarnings } from "./retry.ts";

const AT = "spec.to[0].default.http";
const DATAPLANE = stored(
  {
    type: "Dataplane",
    mesh: "default",
    name: "check-in-1",
    labels: { rack: "r1" },
    networking: {
      address: "127.0.1.1",
      inbound: [{ port: 8080, tags: { "kuma.io/service": "check-in", seat: "window", row: "1" } }],
    },
  },
  1,
) as DataplaneResource;

const said = (http: object, dataplanes = [DATAPLANE]): readonly string[] => {
  const to = [{ targetRef: { kind: "Mesh" }, default: { http } }];
  return retryWarnings(
    stored({ type: "MeshRetry", mesh: "default", name: "p", spec: { to } }, 2) as PolicyResource,
    dataplanes,
  );
};
const tags = (wanted: object, predicate = "OmitHostsWithTags") => ({
  hostSelection: [{ predicate, tags: wanted }],
});
const priorities = (updateFrequency: number, more: object = {}) => ({
  hostSelection: [{ predicate: "OmitPreviousPriorities", updateFrequency }],
  ...more,
});
const nobody = `${AT}.hostSelection[0].tags: no inbound has all of these tags now, so no instance is left out; labels do not count, nor does kuma.io/service`;

test("tags that no instance has", () => {
  assert.deepEqual(said(tags({ seat: "window", row: "1" })), []);
  for (const wanted of [
    { seat: "aisle" },
    { seat: "window", row: "2" },
    { rack: "r1" },
    { "kuma.io/service": "check-in" },
  ]) {
    assert.deepEqual(said(tags(wanted)), [nobody], JSON.stringify(wanted));
  }
  assert.deepEqual(said(tags({ seat: "aisle" }), []), [], "nobody is there yet");
});

test("tags for a predicate that looks at none", () => {
  assert.deepEqual(said(tags({ seat: "window" }, "OmitPreviousHosts")), [
    `${AT}.hostSelection[0].tags: count for OmitHostsWithTags only, so they have no effect with OmitPreviousHosts`,
  ]);
});

test("attempts at other instances where none is drawn again, or none may be", () => {
  const previous = { hostSelection: [{ predicate: "OmitPreviousHosts" }] };
  assert.deepEqual(said({ ...previous, hostSelectionMaxAttempts: 3 }), []);
  assert.deepEqual(
    said({ numRetries: 1, hostSelectionMaxAttempts: 3 }),
    [],
    "another policy may have the predicates",
  );
  assert.deepEqual(said({ ...priorities(1), hostSelectionMaxAttempts: 3 }), [
    `${AT}.hostSelectionMaxAttempts: counts for OmitPreviousHosts and OmitHostsWithTags only, and hostSelection has neither, so it has no effect`,
  ]);
  assert.deepEqual(said({ ...previous, hostSelectionMaxAttempts: 0 }), [
    `${AT}.hostSelectionMaxAttempts: with 0 no other instance is looked for, so OmitPreviousHosts and OmitHostsWithTags have no effect`,
  ]);
});

test("priorities that would be left out after the last retry", () => {
  assert.deepEqual(said(priorities(2, { numRetries: 2 })), []);
  assert.deepEqual(said(priorities(2)), [], "another policy may allow more retries");
  assert.deepEqual(said(priorities(2, { numRetries: 0 })), [], "retries are off, as it says");
  assert.deepEqual(said(priorities(3, { numRetries: 2 })), [
    `${AT}.hostSelection[0].updateFrequency: priorities are left out from retry 3 on, and numRetries is 2, so it has no effect`,
  ]);
});
