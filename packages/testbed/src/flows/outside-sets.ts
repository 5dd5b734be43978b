import fc from "fast-check";
import { idOf, TRUST_DOMAIN } from "./documents.ts";
import { MESH, meshYaml, policy } from "./scene.ts";

/** One random set of policies about calls that leave the mesh, and the egresses that take none. */
export interface OutsideSet {
  readonly documents: readonly string[];
  readonly away: readonly string[];
}

export const CALLERS = ["passenger-portal", "check-in-api"] as const;
export const EGRESSES = ["way-1", "way-2"] as const;
/** A service of requests and one of bytes. */
export const OUTSIDE = [
  { name: "pay", port: 80, protocol: "http" },
  { name: "ledger", port: 5432, protocol: "tcp" },
] as const;

/**
 * The ways out that a mesh may have: through egresses, by each proxy itself, and that only where a permission says so. Each
 * is tried with a share of all sets.
 */
export const WAYS: readonly { readonly name: string; readonly share: number; readonly mesh: string }[] = [
  { name: "through egresses", share: 0.6, mesh: meshYaml({ routing: { zoneEgress: true } }) },
  { name: "past egresses", share: 0.15, mesh: meshYaml({ routing: { zoneEgress: false } }) },
  {
    name: "forbidden by default",
    share: 0.25,
    mesh: meshYaml({ routing: { defaultForbidMeshExternalServiceAccess: true } }),
  },
];

const sni = fc
  .constantFrom(...OUTSIDE, { name: "nobody", port: 1 })
  .map(({ name, port }) => ({ type: "Exact", value: `sni.extsvc.${MESH}.zone1.${name}.${port}` }));
const spiffeID = fc.oneof(
  fc.constantFrom(...CALLERS, "nobody").map((name) => ({ type: "Exact", value: idOf(name) })),
  fc
    .constantFrom("", "/sa", "/sa/passenger", "/other")
    .map((path) => ({ type: "Prefix", value: `spiffe://${TRUST_DOMAIN}${path}` })),
);
const match = fc.oneof(
  { weight: 3, arbitrary: fc.record({ spiffeID, sni }) },
  { weight: 1, arbitrary: fc.record({ spiffeID }) },
  { weight: 1, arbitrary: fc.record({ sni }) },
);
const matches = fc.array(match, { minLength: 1, maxLength: 2 });
const everything = { spiffeID: { type: "Prefix", value: `spiffe://${TRUST_DOMAIN}` } };
const some = { deny: matches, allow: matches, allowWithShadowDeny: matches };
const lists = fc.oneof(
  { weight: 1, arbitrary: fc.constant({ allow: [everything] }) },
  { weight: 2, arbitrary: fc.record({ allow: matches }) },
  { weight: 2, arbitrary: fc.record(some, { requiredKeys: ["deny"] }) },
);

const allEgresses = { kind: "Dataplane", labels: { "kuma.io/listener-zoneegress": "enabled" } };
const target = fc.oneof(
  fc.constant({ kind: "Mesh" }),
  { weight: 3, arbitrary: fc.constant(allEgresses) },
  fc.constantFrom(...EGRESSES).map((app) => ({ kind: "Dataplane", labels: { app } })),
  fc.constant({ ...allEgresses, sectionName: "10002" }),
  fc.constantFrom(...CALLERS).map((app) => ({ kind: "Dataplane", labels: { app } })),
  /** Selects nobody: the policy of the set before is gone. */
  fc.constant({ kind: "Dataplane", labels: { app: "nobody" } }),
);
const permission = (name: string): fc.Arbitrary<string> =>
  fc
    .tuple(target, lists)
    .map(([targetRef, conf]) =>
      policy("MeshTrafficPermission", name, { targetRef, rules: [{ default: conf }] }),
    );

/** Shorter and longer than the slow request of the test. */
const requestTimeout = fc
  .constantFrom("0s", "500ms", "500ms", "10s")
  .map((value) => ({ http: { requestTimeout: value } }));
const timeout = fc.oneof(
  requestTimeout.map((conf) =>
    policy("MeshTimeout", "t0", {
      to: [{ targetRef: { kind: "MeshExternalService", name: "pay" }, default: conf }],
    }),
  ),
  requestTimeout.map((conf) =>
    policy("MeshTimeout", "t0", { targetRef: allEgresses, rules: [{ default: conf }] }),
  ),
);

/** Some callers, or all, get an answer that says that it comes from a fault. */
const abort = fc
  .tuple(
    fc.oneof(
      { weight: 3, arbitrary: fc.constant({ kind: "Dataplane", labels: { app: "nobody" } }) },
      { weight: 2, arbitrary: fc.constant(allEgresses) },
      { weight: 1, arbitrary: target },
    ),
    fc.option(matches, { nil: undefined }),
  )
  .map(([targetRef, who]) =>
    policy("MeshFaultInjection", "f0", {
      targetRef,
      rules: [
        {
          ...(who === undefined ? {} : { matches: who }),
          default: { http: [{ abort: { httpStatus: 418, percentage: 100 } }] },
        },
      ],
    }),
  );

/** A set of the same names every time, so that each set replaces the one before it. */
export const outsideSet: fc.Arbitrary<OutsideSet> = fc
  .record({
    permissions: fc.tuple(permission("p0"), permission("p1")),
    timeout,
    abort,
    away: fc.oneof(
      { weight: 8, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: fc.constant([...EGRESSES]) },
      { weight: 1, arbitrary: fc.constantFrom(...EGRESSES).map((name) => [name]) },
    ),
  })
  .map(({ permissions, timeout: slow, abort: fault, away }) => ({
    documents: [...permissions, slow, fault],
    away,
  }));
