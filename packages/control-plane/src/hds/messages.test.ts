import assert from "node:assert/strict";
import { test } from "node:test";
import { MalformedMessage } from "../xds/wire.ts";
import { decodeHealthMessage, endpointText } from "./messages.ts";
import { HealthStatus, healthReport, healthRequest } from "./testing/messages.ts";

test("the message that begins a stream carries the node", () => {
  const message = decodeHealthMessage(healthRequest("default.web-1", { key: "value" }));
  assert.equal(message.kind, "request");
  assert.deepEqual(message.kind === "request" && message.node, {
    id: "default.web-1",
    cluster: "",
    metadata: { key: "value" },
  });
  assert.deepEqual(decodeHealthMessage(Buffer.from([0x0a, 0])), { kind: "request", node: undefined });
});

test("a report says what is well, by cluster and address", () => {
  const { HEALTHY, DEGRADED, TIMEOUT, UNHEALTHY, UNKNOWN } = HealthStatus;
  const message = decodeHealthMessage(
    healthReport({
      a: ["10.0.0.1", 80, HEALTHY],
      b: ["fd00::1", 80, DEGRADED],
      c: ["10.0.0.1", 81, TIMEOUT],
      d: ["10.0.0.1", 82, UNHEALTHY],
      e: ["10.0.0.1", 83, UNKNOWN],
    }),
  );
  assert.deepEqual(
    message.kind === "report" && [...message.report].map(([name, found]) => [name, ...found]),
    [
      ["a", ["10.0.0.1:80", true]],
      ["b", ["[fd00::1]:80", true]],
      ["c", ["10.0.0.1:81", false]],
      ["d", ["10.0.0.1:82", false]],
      ["e"],
    ],
  );
  assert.deepEqual(decodeHealthMessage(new Uint8Array()), { kind: "report", report: new Map() });
});

test("an IPv6 address is the same in all its spellings", () => {
  assert.equal(endpointText("FD00:0:0::1", 80), endpointText("fd00::1", 80));
  assert.notEqual(endpointText("10.0.0.1", 80), endpointText("10.0.0.1", 81));
});

test("bytes that are no message are said to be none", () => {
  for (const bytes of [[0x0a, 9, 1], [0x12, 3, 0x12, 9, 1], [0xff]]) {
    assert.throws(() => decodeHealthMessage(Buffer.from(bytes)), MalformedMessage);
  }
});
