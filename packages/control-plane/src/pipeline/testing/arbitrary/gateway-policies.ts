import fc from "fast-check";
import { breaker, check, fault, limit, retry, strategy, timeout } from "./confs.ts";
import { compact, type Document, optional } from "./document.ts";
import { backendRefs } from "./routes.ts";
import { rules, to } from "./spec.ts";
import { wholeMesh } from "./targets.ts";

/** The gateway by name, or some of its listeners. */
const gatewayTop = fc
  .record({
    name: fc.constantFrom("g0", "g0", "g1"),
    tags: optional(fc.constantFrom({ name: "first" }, { version: "v1" })),
  })
  .map((given): Document => compact({ kind: "MeshGateway", ...given }));

const ofMesh = (conf: fc.Arbitrary<Document>): fc.Arbitrary<Document> =>
  conf.map((given) => ({ to: [{ targetRef: wholeMesh, default: given }] }));

const gatewayRules = fc
  .record({ path: fc.constantFrom("/", "/a"), refs: backendRefs })
  .map(({ path, refs }) => [
    { matches: [{ path: { type: "PathPrefix", value: path } }], default: { backendRefs: refs } },
  ]);

/** What policies may say of gateways. */
const gatewaySpecs: Readonly<Record<string, fc.Arbitrary<Document>>> = {
  MeshHTTPRoute: fc
    .record({
      rules: gatewayRules,
      hostnames: optional(fc.subarray(["x.a.test", "*.a.test", "b.test"], { minLength: 1 })),
    })
    .map(({ rules: given, hostnames }) => ({
      to: [compact({ targetRef: wholeMesh, hostnames, rules: given })],
    })),
  MeshTCPRoute: backendRefs.map((refs) => ({
    to: [{ targetRef: wholeMesh, rules: [{ default: { backendRefs: refs } }] }],
  })),
  MeshTimeout: fc.oneof(ofMesh(timeout), rules(timeout)),
  MeshCircuitBreaker: to(breaker),
  MeshRetry: ofMesh(retry),
  MeshHealthCheck: to(check),
  MeshLoadBalancingStrategy: ofMesh(strategy),
  MeshRateLimit: ofMesh(limit),
  MeshFaultInjection: ofMesh(fault),
};

/** A policy of one of these kinds about a gateway: mostly a route, without which the others have little to say. */
export const gatewayPolicy: fc.Arbitrary<Document> = fc.oneof(
  ...Object.entries(gatewaySpecs).map(([type, specs]) => ({
    weight: type.endsWith("Route") ? 4 : 1,
    arbitrary: fc
      .tuple(fc.constantFrom("p0", "p1", "p3"), gatewayTop, specs)
      .map(([policyName, targetRef, spec]) => ({
        type,
        mesh: "default",
        name: policyName,
        spec: { targetRef, ...spec },
      })),
  })),
);
