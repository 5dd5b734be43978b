import assert from "node:assert/strict";
import { test } from "node:test";
import { fromJson, type JsonValue } from "@bufbuild/protobuf";
import { ClusterSchema } from "@skein/envoy-api/envoy/config/cluster/v3/cluster_pb";
import { json } from "../testing/drafts.ts";
import { mergeMessage } from "./merge-message.ts";

function merged(target: JsonValue, patch: JsonValue): unknown {
  const message = fromJson(ClusterSchema, target);
  mergeMessage(ClusterSchema, message, fromJson(ClusterSchema, patch));
  return json(ClusterSchema, message);
}

const cases: readonly [about: string, target: JsonValue, patch: JsonValue, result: unknown][] = [
  [
    "scalars overwrite",
    { name: "a", altStatName: "x" },
    { altStatName: "y" },
    { name: "a", altStatName: "y" },
  ],
  [
    "lists append",
    { healthChecks: [{ altPort: 1 }] },
    { healthChecks: [{ altPort: 2 }] },
    { healthChecks: [{ altPort: 1 }, { altPort: 2 }] },
  ],
  [
    "messages merge",
    { upstreamConnectionOptions: { tcpKeepalive: { keepaliveProbes: 1, keepaliveTime: 2 } } },
    { upstreamConnectionOptions: { tcpKeepalive: { keepaliveTime: 3 } } },
    { upstreamConnectionOptions: { tcpKeepalive: { keepaliveProbes: 1, keepaliveTime: 3 } } },
  ],
  [
    "durations are replaced whole",
    { connectTimeout: "0.500s" },
    { connectTimeout: "5s" },
    { connectTimeout: "5s" },
  ],
  [
    "wrapped scalars are replaced, also by their zero",
    { edsClusterConfig: {}, perConnectionBufferLimitBytes: 5 },
    { perConnectionBufferLimitBytes: 0 },
    { edsClusterConfig: {}, perConnectionBufferLimitBytes: 0 },
  ],
  [
    "of a choice the patch's wins",
    { type: "EDS" },
    { clusterType: { name: "x" } },
    { clusterType: { name: "x" } },
  ],
  [
    "maps merge by key",
    { metadata: { filterMetadata: { a: { x: 1 }, b: { x: 2 } } } },
    { metadata: { filterMetadata: { b: { y: 3 }, c: {} } } },
    { metadata: { filterMetadata: { a: { x: 1 }, b: { y: 3 }, c: {} } } },
  ],
];

for (const [about, target, patch, result] of cases) {
  test(`merge: ${about}`, () => assert.deepEqual(merged(target, patch), result));
}
