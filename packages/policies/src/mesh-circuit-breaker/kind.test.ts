import assert from "node:assert/strict";
import { test } from "node:test";
import { parse, problems } from "../testing/resources.ts";
import { meshCircuitBreakerKind } from "./kind.ts";

const AT = "spec.to[0].default";
const OD = `${AT}.outlierDetection`;
const to = (conf: unknown) => ({ to: [{ targetRef: { kind: "Mesh" }, default: conf }] });
const detection = (value: object) => to({ outlierDetection: value });
const detectors = (value: object) => detection({ detectors: value });

const positive = (path: string) => [`${path}: must be greater than 0`];

const cases: readonly [about: string, spec: unknown, problems: readonly (string | RegExp)[]][] = [
  [
    "every field",
    to({
      connectionLimits: {
        maxConnections: 1,
        maxConnectionPools: 1,
        maxPendingRequests: 1,
        maxRetries: 1,
        maxRequests: 1,
      },
      outlierDetection: {
        disabled: false,
        interval: "1s",
        baseEjectionTime: "1s",
        maxEjectionPercent: 100,
        splitExternalAndLocalErrors: true,
        healthyPanicThreshold: "62.5",
        detectors: {
          totalFailures: { consecutive: 1 },
          gatewayFailures: { consecutive: 1 },
          localOriginFailures: { consecutive: 1 },
          successRate: { minimumHosts: 1, requestVolume: 1, standardDeviationFactor: "1.9" },
          failurePercentage: { minimumHosts: 1, requestVolume: 1, threshold: 0 },
        },
      },
    }),
    [],
  ],
  ["nothing", to({}), [`${AT}: must have at least one defined: connectionLimits, outlierDetection`]],
  ...["maxConnections", "maxConnectionPools", "maxPendingRequests", "maxRetries", "maxRequests"].map(
    (name): [string, unknown, readonly string[]] => [
      `${name}: 0`,
      to({ connectionLimits: { [name]: 0 } }),
      positive(`${AT}.connectionLimits.${name}`),
    ],
  ),
  [
    "a negative limit",
    to({ connectionLimits: { maxRequests: -1 } }),
    [/^spec\.to\[0\]\.default\.connectionLimits\.maxRequests: /],
  ],
  [
    "a limit beyond 32 bits",
    to({ connectionLimits: { maxRequests: 2 ** 32 } }),
    [/^spec\.to\[0\]\.default\.connectionLimits\.maxRequests: /],
  ],
  ["outlier detection without detectors", detection({}), [`${OD}.detectors: must be defined`]],
  ["… even a disabled one", detection({ disabled: true }), [`${OD}.detectors: must be defined`]],
  [
    "no detector",
    detectors({}),
    [
      `${OD}.detectors: must have at least one defined: totalFailures, gatewayFailures, localOriginFailures, successRate, failurePercentage`,
    ],
  ],
  ["an empty detector", detectors({ totalFailures: {} }), []],
  ["interval: 0s", detection({ interval: "0s", detectors: { successRate: {} } }), positive(`${OD}.interval`)],
  [
    "baseEjectionTime: 0s",
    detection({ baseEjectionTime: "0s", detectors: { successRate: {} } }),
    positive(`${OD}.baseEjectionTime`),
  ],
  [
    "maxEjectionPercent: 101",
    detection({ maxEjectionPercent: 101, detectors: { successRate: {} } }),
    [`${OD}.maxEjectionPercent: must be in inclusive range [0, 100]`],
  ],
  [
    "healthyPanicThreshold: 101",
    detection({ healthyPanicThreshold: 101, detectors: { successRate: {} } }),
    [/^spec\.to\[0\]\.default\.outlierDetection\.healthyPanicThreshold: /],
  ],
  [
    "healthyPanicThreshold: many",
    detection({ healthyPanicThreshold: "many", detectors: { successRate: {} } }),
    [/^spec\.to\[0\]\.default\.outlierDetection\.healthyPanicThreshold: /],
  ],
  ...["totalFailures", "gatewayFailures", "localOriginFailures"].map(
    (name): [string, unknown, readonly string[]] => [
      `${name}.consecutive: 0`,
      detectors({ [name]: { consecutive: 0 } }),
      positive(`${OD}.detectors.${name}.consecutive`),
    ],
  ),
  ...["minimumHosts", "requestVolume", "standardDeviationFactor"].map(
    (name): [string, unknown, readonly string[]] => [
      `successRate.${name}: 0`,
      detectors({ successRate: { [name]: 0 } }),
      positive(`${OD}.detectors.successRate.${name}`),
    ],
  ),
  [
    "a factor that counts as none",
    detectors({ successRate: { standardDeviationFactor: "0.0004" } }),
    [`${OD}.detectors.successRate.standardDeviationFactor: must be at least 0.001`],
  ],
  [
    "a factor beyond 32 bits",
    detectors({ successRate: { standardDeviationFactor: 4_294_968 } }),
    [`${OD}.detectors.successRate.standardDeviationFactor: must not be greater than 4294967`],
  ],
  ...["minimumHosts", "requestVolume"].map((name): [string, unknown, readonly string[]] => [
    `failurePercentage.${name}: 0`,
    detectors({ failurePercentage: { [name]: 0 } }),
    positive(`${OD}.detectors.failurePercentage.${name}`),
  ]),
  [
    "failurePercentage.threshold: 101",
    detectors({ failurePercentage: { threshold: 101 } }),
    [/^spec\.to\[0\]\.default\.outlierDetection\.detectors\.failurePercentage\.threshold: /],
  ],
  [
    "matches",
    { rules: [{ matches: [], default: { connectionLimits: { maxRequests: 1 } } }] },
    ["spec.rules[0].matches: unknown field"],
  ],
];

for (const [about, spec, expected] of cases) {
  test(`MeshCircuitBreaker: ${about}`, () => {
    const lines = problems(meshCircuitBreakerKind, spec);
    assert.equal(lines.length, expected.length, lines.join("\n"));
    for (const [i, want] of expected.entries()) {
      if (typeof want === "string") assert.equal(lines[i], want);
      else assert.match(lines[i] ?? "", want);
    }
  });
}

test("detectors that detect nothing, or disturb each other, are told", () => {
  const warnings = (outlierDetection: object, block: "to" | "rules" = "to") => {
    const conf = { outlierDetection };
    const spec = block === "to" ? to(conf) : { rules: [{ default: conf }] };
    return parse(meshCircuitBreakerKind, spec).warnings;
  };
  const local = { localOriginFailures: { consecutive: 3 } };
  const split = `${OD}.detectors.localOriginFailures has no effect without splitExternalAndLocalErrors: true; failures of connections count among totalFailures then`;
  assert.deepEqual(warnings({ detectors: local }), [split]);
  assert.deepEqual(warnings({ splitExternalAndLocalErrors: true, detectors: local }), []);
  assert.deepEqual(warnings({ disabled: true, detectors: local }), []);
  assert.deepEqual(warnings({ detectors: local }, "rules"), [split.replace("to[0]", "rules[0]")]);
  assert.deepEqual(
    warnings({ detectors: { totalFailures: {}, gatewayFailures: { consecutive: 1 }, successRate: {} } }),
    [`${OD}.detectors.totalFailures has no effect without consecutive`],
  );
  assert.deepEqual(warnings({ detectors: { successRate: {}, failurePercentage: {} } }), [
    `${OD}.detectors: name successRate or failurePercentage, not both: Envoy counts an instance that both find as two ejected and as one that comes back, until maxEjectionPercent is used up by nobody`,
  ]);
});
