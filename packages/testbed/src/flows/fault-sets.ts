import fc from "fast-check";
import { idOf } from "./documents.ts";
import { policy } from "./scene.ts";

/** One random set of faults, with the retries and time-outs of who meets them. */
export interface FaultSet {
  readonly documents: readonly string[];
  /** One of its faults holds requests up, which takes its time. */
  readonly isSlow: boolean;
}

/** Longer than the shorter time-out, and shorter than the longer one. */
const DELAY = "1200ms";

const percentage = fc.constantFrom<number | string>(10, 25, 50, "33.3", 80, 100);
const abort = fc.record({
  httpStatus: fc.constantFrom(503, 503, 502, 500, 429, 409, 418),
  percentage,
});
const delay = fc.record({
  value: fc.constant(DELAY),
  percentage: fc.constantFrom<number | string>(5, 10, "12.5"),
});
const fault = fc.oneof(
  { weight: 5, arbitrary: fc.record({ abort }) },
  { weight: 2, arbitrary: fc.record({ delay }) },
  { weight: 1, arbitrary: fc.record({ abort, delay }) },
);

const who = fc.constantFrom(
  undefined,
  [{ spiffeID: { type: "Exact", value: idOf("passenger-portal") } }],
  [{ spiffeID: { type: "Prefix", value: "spiffe://kong-air.test/sa" } }],
  [{ spiffeID: { type: "Exact", value: idOf("nobody") } }],
);
const faults = (name: string) =>
  fc.tuple(who, fc.array(fault, { minLength: 1, maxLength: 2 })).map(([matches, http]) => ({
    http,
    document: policy("MeshFaultInjection", name, {
      targetRef: { kind: "Dataplane", labels: { app: "check-in-api" } },
      rules: [{ ...(matches === undefined ? {} : { matches }), default: { http } }],
    }),
  }));

const retryOn = fc.constantFrom(
  undefined,
  undefined,
  ["5xx"],
  ["GatewayError"],
  ["Retriable4xx", "429"],
  ["418", "409"],
  ["ConnectFailure"],
  ["HttpMethodGet"],
  ["HttpMethodPost"],
);
const retry = fc
  .record({
    numRetries: fc.constantFrom(0, 1, 1, 2, 4),
    retryOn,
    perTryTimeout: fc.constantFrom(undefined, undefined, "600ms"),
  })
  .map((http) =>
    policy("MeshRetry", "again", {
      to: [
        {
          targetRef: { kind: "MeshService", name: "check-in-api" },
          default: { http: { ...defined(http), backOff: { baseInterval: "1ms", maxInterval: "2ms" } } },
        },
      ],
    }),
  );
const timeout = fc.constantFrom("600ms", "10s").map((requestTimeout) =>
  policy("MeshTimeout", "patience", {
    to: [{ targetRef: { kind: "MeshService", name: "check-in-api" }, default: { http: { requestTimeout } } }],
  }),
);

/** A set of the same names every time, so that each set replaces the one before it. */
export const faultSet: fc.Arbitrary<FaultSet> = fc
  .tuple(faults("f0"), faults("f1"), retry, timeout)
  .map(([one, other, ...rest]) => ({
    documents: [one.document, other.document, ...rest],
    isSlow: [...one.http, ...other.http].some((each) => "delay" in each),
  }));

function defined(value: object): object {
  return Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== undefined));
}
