import fc from "fast-check";
import { idOf, TRUST_DOMAIN } from "./documents.ts";
import { policy } from "./scene.ts";

/** What takes a rollout or a drain to change, so it stays for many sets. */
export interface Ground {
  /** Labels that a dataplane needs to have an identity. */
  readonly identified: Readonly<Record<string, string>>;
  readonly mode: "Strict" | "Permissive";
}

/** One random set of policies, and the services whose instances take no traffic. */
export interface PolicySet {
  readonly documents: readonly string[];
  readonly away: readonly string[];
}

/** Everybody has an identity, all but the portal, or the portal alone; servers take plaintext or do not. */
export const GROUNDS: readonly Ground[] = [
  { identified: {}, mode: "Strict" },
  { identified: {}, mode: "Permissive" },
  { identified: { side: "ground" }, mode: "Strict" },
  { identified: { side: "ground" }, mode: "Permissive" },
  { identified: { side: "front" }, mode: "Strict" },
];

/** The documents of a ground. */
export function groundDocuments({ identified, mode }: Ground): readonly string[] {
  return [
    policy("MeshIdentity", "everybody", {
      selector: { dataplane: { matchLabels: identified } },
      spiffeID: { trustDomain: TRUST_DOMAIN, path: '/sa/{{ label "app" }}' },
      provider: {
        type: "Bundled",
        bundled: { insecureAllowSelfSigned: true, autogenerate: { enabled: true } },
      },
    }),
    policy("MeshTLS", "tls", { rules: [{ default: { mode } }] }),
  ];
}

const SERVICES = ["passenger-portal", "check-in-api", "flight-control", "baggage"];
const service = fc.constantFrom(...SERVICES);
const exact = fc.constantFrom(...SERVICES, "nobody").map((name) => ({ type: "Exact", value: idOf(name) }));
const prefix = fc
  .constantFrom("", "/sa", "/sa/passenger-portal", "/sa/passenger", "/sa/check-in-api", "/other")
  .map((path) => ({ type: "Prefix", value: `spiffe://${TRUST_DOMAIN}${path}` }));
const match = fc
  .oneof({ weight: 3, arbitrary: exact }, { weight: 2, arbitrary: prefix })
  .map((spiffeID) => ({ spiffeID }));
const matches = fc.array(match, { minLength: 1, maxLength: 2 });

const target = fc.oneof(
  fc.constant({ kind: "Mesh" }),
  service.map((app) => ({ kind: "Dataplane", labels: { app } })),
  fc.constant({ kind: "Dataplane", labels: { side: "ground" } }),
  /** Selects nobody: the policy of the set before is gone. */
  fc.constant({ kind: "Dataplane", labels: { app: "nobody" } }),
);

const lists = fc
  .record({ deny: matches, allow: matches, allowWithShadowDeny: matches }, { requiredKeys: [] })
  .map((conf) => (Object.keys(conf).length === 0 ? { allow: [everybody] } : conf));
const everybody = { spiffeID: { type: "Prefix", value: `spiffe://${TRUST_DOMAIN}` } };

/** A permission of that name. */
export const permission = (name: string): fc.Arbitrary<string> =>
  fc
    .tuple(target, fc.array(lists, { minLength: 1, maxLength: 2 }))
    .map(([targetRef, confs]) =>
      policy("MeshTrafficPermission", name, { targetRef, rules: confs.map((conf) => ({ default: conf })) }),
    );

/** Shorter and longer than the slow request of the test. */
const requestTimeout = fc.constantFrom("0s", "100ms", "100ms", "2s");
const conf = requestTimeout.map((value) => ({ http: { requestTimeout: value } }));
const timeout = (name: string): fc.Arbitrary<string> =>
  fc.oneof(
    fc
      .tuple(
        target,
        fc.oneof(
          fc.constant({ kind: "Mesh" }),
          service.map((to) => ({ kind: "MeshService", name: to })),
        ),
        conf,
      )
      .map(([targetRef, to, value]) =>
        policy("MeshTimeout", name, { targetRef, to: [{ targetRef: to, default: value }] }),
      ),
    fc.tuple(target, fc.option(matches, { nil: undefined }), conf).map(([targetRef, who, value]) =>
      policy("MeshTimeout", name, {
        targetRef,
        rules: [{ ...(who === undefined ? {} : { matches: who }), default: value }],
      }),
    ),
  );

const away = fc.oneof(
  { weight: 3, arbitrary: fc.constant([]) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      ["check-in-api"],
      ["flight-control"],
      ["baggage"],
      ["baggage", "check-in-api"],
    ),
  },
);

/** A set of the same names every time, so that each set replaces the one before it. */
export const policySet: fc.Arbitrary<PolicySet> = fc
  .record({
    permissions: fc.tuple(permission("p0"), permission("p1"), permission("p2")),
    timeouts: fc.tuple(timeout("t0"), timeout("t1")),
    away,
  })
  .map((set) => ({ documents: [...set.permissions, ...set.timeouts], away: set.away }));
