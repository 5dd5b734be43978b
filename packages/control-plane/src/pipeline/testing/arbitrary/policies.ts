import fc from "fast-check";
import {
  action,
  breaker,
  check,
  fault,
  limit,
  opa,
  passthrough,
  patches,
  permission,
  requestLimit,
  requestTimeout,
  retry,
  strategy,
  timeout,
  tls,
} from "./confs.ts";
import { compact, type Document } from "./document.ts";
import { backendRefs, httpRule, routing } from "./routes.ts";
import { byCaller, from, rules, sectioned, to } from "./spec.ts";
import { caller, routeTarget, top, wholeServices } from "./targets.ts";

const policySpecs: Readonly<Record<string, fc.Arbitrary<Document>>> = {
  MeshHTTPRoute: routing(httpRule, 2),
  MeshTCPRoute: routing(
    backendRefs.map((refs): Document => ({ default: { backendRefs: refs } })),
    1,
  ),
  MeshTimeout: fc.oneof(
    to(timeout, routeTarget),
    byCaller(requestTimeout),
    from(timeout),
    rules(timeout),
    sectioned(timeout),
  ),
  MeshCircuitBreaker: fc.oneof(to(breaker), from(breaker), rules(breaker), sectioned(breaker)),
  MeshRetry: to(retry, routeTarget),
  MeshHealthCheck: to(check),
  MeshLoadBalancingStrategy: to(strategy, wholeServices),
  MeshRateLimit: fc.oneof(from(limit), sectioned(limit), byCaller(requestLimit)),
  MeshFaultInjection: fc.oneof(from(fault, caller), rules(fault), byCaller(fault)),
  MeshOPA: opa.map((conf): Document => ({ default: conf })),
  MeshPassthrough: passthrough.map((conf): Document => ({ default: conf })),
  MeshTLS: fc.oneof(rules(tls), sectioned(tls)),
  MeshTrafficPermission: fc.oneof(rules(permission), sectioned(permission), from(action, caller)),
  MeshProxyPatch: patches,
};

/** Kinds whose rules for inbounds stand only where no gateway is selected. */
const SIDECARS_ONLY: readonly string[] = ["MeshRateLimit", "MeshFaultInjection"];

function sidecars(targetRef: Document | undefined): Document | undefined {
  const kind = targetRef?.kind ?? "Mesh";
  if (kind !== "Mesh" && kind !== "MeshSubset") return targetRef;
  return { kind, ...targetRef, proxyTypes: ["Sidecar"] };
}

/** Kinds that take no services at the top. */
const NO_SERVICES: readonly string[] = ["MeshTLS", "MeshOPA", "MeshPassthrough"];

/** A policy of one of these kinds under one of these names. */
export const policy: fc.Arbitrary<Document> = fc.oneof(
  ...Object.entries(policySpecs).map(([type, specs]) =>
    fc
      .tuple(fc.constantFrom("p0", "p1", "p2"), top, specs, fc.boolean())
      .map(([policyName, targetRef, spec, shadow]) => {
        const allowed =
          NO_SERVICES.includes(type) && targetRef?.kind === "MeshService" ? undefined : targetRef;
        const selected = SIDECARS_ONLY.includes(type) ? sidecars(allowed) : allowed;
        return compact({
          type,
          mesh: "default",
          name: policyName,
          labels: shadow ? { "kuma.io/effect": "shadow" } : undefined,
          spec: compact({ targetRef: selected, ...spec }),
        });
      }),
  ),
);
