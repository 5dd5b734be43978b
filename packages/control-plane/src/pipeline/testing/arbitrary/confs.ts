import fc from "fast-check";
import { compact, type Document, optional } from "./document.ts";
import { SERVICES } from "./names.ts";
import { callerId } from "./targets.ts";

/* What each kind of policy may say in a `default`. */

const seconds = fc.constantFrom("1s", "2s", "3s");
/** The part of a MeshTimeout that rules about callers may have. */
export const requestTimeout = seconds.map((each) => ({ http: { requestTimeout: each } }));

/** MeshTimeout. */
export const timeout = fc.oneof(
  seconds.map((idleTimeout) => ({ idleTimeout })),
  requestTimeout,
);

/** MeshCircuitBreaker. */
export const breaker = fc.oneof(
  fc.nat(2).map((n) => ({ connectionLimits: { maxRequests: n + 1 } })),
  fc.nat(2).map((n) => ({ outlierDetection: { detectors: { totalFailures: { consecutive: n + 1 } } } })),
);

/** MeshRetry. */
export const retry = fc.nat(2).map((n) => ({ http: { numRetries: n }, tcp: { maxConnectAttempt: n + 1 } }));

/** MeshHealthCheck. */
export const check = fc.constantFrom<Document>(
  { interval: "1s", http: {}, tcp: { send: "PING" } },
  { timeout: "2s", http: { disabled: true }, grpc: { serviceName: "s" } },
  { failTrafficOnPanic: true, http: { path: "/health" } },
);

/** MeshLoadBalancingStrategy. */
export const strategy = fc.oneof(
  fc.constantFrom<Document>(
    { loadBalancer: { type: "Maglev" }, hashPolicies: [{ type: "Header", header: { name: "x-user" } }] },
    { loadBalancer: { type: "RingHash", ringHash: { maxRingSize: 64 } } },
    { localityAwareness: { disabled: true } },
    { localityAwareness: { localZone: { affinityTags: [{ key: "version" }, { key: "app" }] } } },
  ),
  fc
    .record({ type: fc.constantFrom("Any", "None"), from: fc.constantFrom("east", "west") })
    .map(({ type, from }) => ({
      localityAwareness: {
        crossZone: {
          failover: [{ from: { zones: [from] }, to: { type: "Only", zones: ["north"] } }, { to: { type } }],
          failoverThreshold: { percentage: 70 },
        },
      },
    })),
);

/** The part of a MeshRateLimit that rules about callers may have. */
export const requestLimit = fc.oneof(
  fc.nat(2).map((n) => ({ local: { http: { requestRate: { num: n + 1, interval: "1s" } } } })),
  fc.constant({ local: { http: { disabled: true } } }),
);

/** MeshRateLimit. */
export const limit = fc.oneof(
  requestLimit,
  fc.nat(2).map((n) => ({ local: { tcp: { connectionRate: { num: n + 1, interval: "1s" } } } })),
);

/** MeshFaultInjection. */
export const fault = fc.oneof(
  fc.nat(2).map((n) => ({ http: [{ abort: { httpStatus: 503, percentage: n + 1 } }] })),
  seconds.map((value) => ({ http: [{ delay: { value, percentage: 1 } }] })),
);

/** MeshTLS. */
export const tls = fc.constantFrom({ mode: "Strict" }, { mode: "Permissive" });

/** MeshTrafficPermission in rules. */
export const permission = fc.oneof(
  callerId.map((match) => ({ allow: [match] })),
  callerId.map((match) => ({ deny: [match], allowWithShadowDeny: [match] })),
  fc
    .constantFrom(...SERVICES, "extsvc.default.east.e0.80")
    .map((each) => ({ allow: [{ sni: { type: "Exact", value: `sni.${each}` } }] })),
);

/** MeshTrafficPermission in `from`. */
export const action = fc
  .constantFrom("Allow", "Deny", "AllowWithShadowDeny")
  .map((each) => ({ action: each }));

/** Addresses only: an edit may leave the protocol out, and a domain cannot do without. */
const passthroughMatch = fc
  .record({
    type: fc.constant("IP"),
    value: fc.constantFrom("192.0.2.1", "2001:db8::1"),
    port: optional(fc.constantFrom(80, 443)),
    protocol: optional(fc.constantFrom("tcp", "tls", "http")),
  })
  .map(compact);

/** Of one protocol: edits make `http` of `tcp` and `grpc` of `http`, and a port can have one kind of HTTP. */
const passthroughMatches = fc
  .uniqueArray(passthroughMatch, { maxLength: 2, selector: ({ value }) => value })
  .map((matches) => matches.map((match) => compact({ ...match, protocol: matches[0]?.protocol })));

/** MeshPassthrough. */
export const passthrough = fc
  .record({
    passthroughMode: optional(fc.constantFrom("All", "Matched", "None")),
    appendMatch: optional(passthroughMatches),
  })
  .map(compact);

/** MeshOPA. */
export const opa = fc.oneof(
  fc.constantFrom("s0", "s1").map((secret): Document => ({ appendPolicies: [{ rego: { secret } }] })),
  fc.constantFrom("Allow", "Deny").map((onAgentFailure): Document => ({ authConfig: { onAgentFailure } })),
  fc.constant<Document>({ agentConfig: { inlineString: "{}" } }),
);

const patch = fc.oneof(
  seconds.map((connectTimeout) => ({
    cluster: {
      operation: "Patch",
      match: { origin: "outbound" },
      jsonPatches: [{ op: "add", path: "/connectTimeout", value: connectTimeout }],
    },
  })),
  seconds.map((connectTimeout) => ({
    cluster: { operation: "Add", value: `name: extra\nconnectTimeout: ${connectTimeout}` },
  })),
  fc.constant({
    virtualHost: { operation: "Patch", match: {}, value: "requestHeadersToRemove: [x-gone]" },
  }),
  fc.constant({ listener: { operation: "Remove", match: { origin: "inbound" } } }),
);

/** The whole spec of a MeshProxyPatch. */
export const patches = fc
  .array(patch, { minLength: 1, maxLength: 2 })
  .map((appendModifications): Document => ({ default: { appendModifications } }));
