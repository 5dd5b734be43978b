import assert from "node:assert/strict";
import { test } from "node:test";
import type { DataplaneInbound, DataplaneSpec } from "@skein/model";
import { UNKNOWN_NODE } from "../plan/node-facts.ts";
import { type CheckPace, healthChecks } from "./checks.ts";
import { type Findings, findingsOf, withFindings } from "./findings.ts";

const OUT = { state: "NotReady", health: { ready: false } } as const;
const PROBE = { serviceProbe: { tcp: {} } };
const PACE: CheckPace = {
  timeoutMs: 1,
  intervalMs: 1,
  noTrafficIntervalMs: 1,
  healthyThreshold: 1,
  unhealthyThreshold: 1,
};

const spec = (...inbound: Partial<DataplaneInbound>[]): DataplaneSpec => ({
  networking: { address: "10.0.0.1", inbound: inbound.map((each) => ({ port: 80, ...each })) },
});

/** States of inbounds after some findings; `same` where the Dataplane is the very same. */
function after(before: DataplaneSpec, findings: Findings, draining = false): unknown {
  const next = withFindings(before, findings, draining);
  if (next === before) return "same";
  return next.networking?.inbound?.map(({ state, health }) => [state, health?.ready]);
}

test("a probe decides on its own inbound", () => {
  const two = spec({ ...PROBE }, { ...PROBE, port: 81, ...OUT });
  assert.deepEqual(after(two, { proxy: true, inbounds: [false, true] }), [
    ["NotReady", false],
    [undefined, undefined],
  ]);
  assert.equal(after(two, { proxy: true, inbounds: [true, false] }), "same");
  assert.equal(after(two, { proxy: true, inbounds: [undefined, undefined] }), "same");
  assert.equal(after(two, { proxy: undefined, inbounds: [] }), "same");
});

test("an Envoy that drains takes all inbounds along, and they come back with it", () => {
  const both = spec({ ...PROBE }, { port: 81 });
  const drained = withFindings(both, { proxy: false, inbounds: [true, undefined] }, false);
  assert.deepEqual(
    drained.networking?.inbound?.map(({ state, health }) => [state, health]),
    [
      ["NotReady", { ready: false }],
      ["NotReady", { ready: false }],
    ],
  );
  assert.equal(after(drained, { proxy: false, inbounds: [true, undefined] }), "same");
  assert.deepEqual(withFindings(drained, { proxy: true, inbounds: [true, undefined] }, false), both);
  assert.equal(after(drained, { proxy: true, inbounds: [true, undefined] }, true), "same");
});

test("what somebody else keeps out is not touched", () => {
  for (const held of [{ state: "NotReady" }, { state: "Ignored" }, { health: { ready: false } }] as const) {
    for (const isWell of [true, false]) {
      const findings = { proxy: isWell, inbounds: [isWell] };
      assert.equal(after(spec({ ...PROBE, ...held }), findings), "same");
      assert.equal(after(spec(held), findings), "same");
    }
  }
});

test("a report is about the checks that it was made for, and about first results only when they are there", () => {
  const inbound = [
    { port: 80, servicePort: 8080, serviceAddress: "127.0.0.1", ...PROBE },
    { port: 81, servicePort: 8080, serviceAddress: "FD00:0::1", ...PROBE },
  ];
  const node = { ...UNKNOWN_NODE, adminSocket: "/admin.sock" };
  const checks = healthChecks({ networking: { address: "10.0.0.1", inbound } }, node, PACE);
  const [, second] = checks.inbounds;
  const report = new Map([
    ["system_envoy_admin", new Map([["/admin.sock", true]])],
    ["127.0.0.1:8080", new Map([["127.0.0.1:8080", false]])],
    [second?.cluster ?? "", new Map([["[fd00::1]:8080", true]])],
  ]);
  assert.deepEqual(
    findingsOf(checks, report, () => true),
    { proxy: true, inbounds: [false, true] },
  );
  assert.deepEqual(
    findingsOf(checks, report, () => false),
    { proxy: true, inbounds: [undefined, true] },
  );
  const old = new Map([["127.0.0.1:8080", new Map([["127.0.0.9:8080", false]])]]);
  assert.deepEqual(
    findingsOf(checks, old, () => true),
    {
      proxy: undefined,
      inbounds: [undefined, undefined],
    },
  );
});
