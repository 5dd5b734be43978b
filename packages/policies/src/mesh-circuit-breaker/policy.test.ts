import assert from "node:assert/strict";
import { test } from "node:test";
import { draftJson, inboundDraft, outboundDraft } from "../testing/drafts.ts";
import { destination, valid } from "../testing/resources.ts";
import { meshCircuitBreaker } from "./policy.ts";

/** What Envoy would enforce by itself or not, all switched off by name. */
const OFF = {
  enforcingConsecutive5xx: 0,
  enforcingConsecutiveGatewayFailure: 0,
  enforcingConsecutiveLocalOriginFailure: 0,
  enforcingSuccessRate: 0,
  enforcingLocalOriginSuccessRate: 0,
  enforcingFailurePercentage: 0,
  enforcingFailurePercentageLocalOrigin: 0,
};

function outbound(conf?: unknown): Record<string, unknown> {
  const policies =
    conf === undefined
      ? []
      : [valid(meshCircuitBreaker.kind, { to: [{ targetRef: { kind: "Mesh" }, default: conf }] })];
  const draft = outboundDraft();
  meshCircuitBreaker.translateOutbound?.(
    meshCircuitBreaker.planOutbound?.({ policies, destination: destination(), routes: [] }),
    draft,
  );
  return draftJson(draft).cluster as Record<string, unknown>;
}
const detection = (value: object) => outbound({ outlierDetection: value });
const detectors = (value: object) => detection({ detectors: value }).outlierDetection;

test("no policy: no limits, but the gauges are there", () => {
  const draft = inboundDraft();
  meshCircuitBreaker.translateInbound?.(undefined, draft);
  const expected = { name: "c", circuitBreakers: { thresholds: [{ trackRemaining: true }] } };
  assert.deepEqual(outbound(), expected);
  assert.deepEqual(draftJson(draft).cluster, expected);
});

test("every limit", () => {
  const limits = {
    maxConnections: 1,
    maxConnectionPools: 2,
    maxPendingRequests: 3,
    maxRetries: 4,
    maxRequests: 5,
  };
  assert.deepEqual(outbound({ connectionLimits: limits }).circuitBreakers, {
    thresholds: [{ ...limits, trackRemaining: true }],
  });
});

const cases: readonly [about: string, detectors: object, expected: object][] = [
  [
    "total failures",
    { totalFailures: { consecutive: 3 } },
    { consecutive5xx: 3, enforcingConsecutive5xx: 100 },
  ],
  [
    "gateway failures",
    { gatewayFailures: { consecutive: 3 } },
    { consecutiveGatewayFailure: 3, enforcingConsecutiveGatewayFailure: 100 },
  ],
  [
    "local failures",
    { localOriginFailures: { consecutive: 3 } },
    { consecutiveLocalOriginFailure: 3, enforcingConsecutiveLocalOriginFailure: 100 },
  ],
  ["a detector without a number stays off", { totalFailures: {}, gatewayFailures: {} }, {}],
  [
    "the success rate with Envoy's numbers",
    { successRate: {} },
    { enforcingSuccessRate: 100, enforcingLocalOriginSuccessRate: 100 },
  ],
  [
    "the success rate; the factor is in thousandths",
    { successRate: { minimumHosts: 2, requestVolume: 9, standardDeviationFactor: "1.9" } },
    {
      successRateMinimumHosts: 2,
      successRateRequestVolume: 9,
      successRateStdevFactor: 1900,
      enforcingSuccessRate: 100,
      enforcingLocalOriginSuccessRate: 100,
    },
  ],
  [
    "the failure percentage with Envoy's numbers",
    { failurePercentage: {} },
    { enforcingFailurePercentage: 100, enforcingFailurePercentageLocalOrigin: 100 },
  ],
  [
    "the failure percentage",
    { failurePercentage: { minimumHosts: 2, requestVolume: 9, threshold: 85 } },
    {
      failurePercentageMinimumHosts: 2,
      failurePercentageRequestVolume: 9,
      failurePercentageThreshold: 85,
      enforcingFailurePercentage: 100,
      enforcingFailurePercentageLocalOrigin: 100,
    },
  ],
];

for (const [about, given, expected] of cases) {
  test(`outlier detection: ${about}; the rest is off`, () => {
    assert.deepEqual(detectors(given), { ...OFF, ...expected, alwaysEjectOneHost: true });
  });
}

test("outlier detection: its own fields", () => {
  const cluster = detection({
    interval: "5s",
    baseEjectionTime: "30s",
    maxEjectionPercent: 30,
    splitExternalAndLocalErrors: true,
    healthyPanicThreshold: "62.5",
    detectors: { totalFailures: {} },
  });
  assert.deepEqual(cluster.outlierDetection, {
    ...OFF,
    interval: "5s",
    baseEjectionTime: "30s",
    maxEjectionPercent: 30,
    splitExternalLocalOriginErrors: true,
    alwaysEjectOneHost: true,
  });
  assert.deepEqual(cluster.commonLbConfig, { healthyPanicThreshold: { value: 62.5 } });
});

test("outlier detection: one instance at least is left out, but for a percentage of 0", () => {
  const cluster = detection({ maxEjectionPercent: 0, detectors: { totalFailures: {} } });
  assert.deepEqual(cluster.outlierDetection, { ...OFF, maxEjectionPercent: 0, alwaysEjectOneHost: false });
});

test("outlier detection that is disabled leaves nothing behind", () => {
  const cluster = detection({
    disabled: true,
    healthyPanicThreshold: 10,
    detectors: { totalFailures: { consecutive: 1 } },
  });
  assert.equal(cluster.outlierDetection, undefined);
  assert.equal(cluster.commonLbConfig, undefined);
});

test("inbounds take rules and from, as one list", () => {
  const policies = [
    valid(
      meshCircuitBreaker.kind,
      {
        from: [
          {
            targetRef: { kind: "Mesh" },
            default: { connectionLimits: { maxConnections: 1, maxRequests: 1 } },
          },
        ],
      },
      { name: "b" },
    ),
    valid(
      meshCircuitBreaker.kind,
      { rules: [{ default: { connectionLimits: { maxRequests: 2 } } }] },
      { name: "a" },
    ),
  ];
  const plan = meshCircuitBreaker.planInbound?.({
    policies,
    mesh: "default",
    service: "web",
    protocol: "tcp",
    callers: undefined,
  });
  assert.deepEqual(plan?.conf, { connectionLimits: { maxConnections: 1, maxRequests: 2 } });
});
