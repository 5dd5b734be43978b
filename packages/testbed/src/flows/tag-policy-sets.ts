import fc from "fast-check";
import type { PolicySet } from "./policy-sets.ts";
import { MESH, policy } from "./scene.ts";

const SERVICES = ["passenger-portal", "check-in-api", "flight-control", "baggage"];
const service = fc.constantFrom(...SERVICES);
const action = fc.constantFrom("Allow", "Allow", "Deny", "AllowWithShadowDeny");

const target = fc.oneof(
  fc.constant({ kind: "Mesh" }),
  service.map((app) => ({ kind: "Dataplane", labels: { app } })),
  service.map((name) => ({ kind: "MeshSubset", tags: { "kuma.io/service": name } })),
  fc.constant({ kind: "Dataplane", labels: { app: "nobody" } }),
);

const caller = fc.oneof(
  fc.constant({ kind: "Mesh" }),
  service.map((name) => ({ kind: "MeshSubset", tags: { "kuma.io/service": name } })),
);

const byTags = (name: string): fc.Arbitrary<string> =>
  fc
    .tuple(target, fc.array(fc.tuple(caller, action), { minLength: 1, maxLength: 3 }))
    .map(([targetRef, entries]) =>
      policy("MeshTrafficPermission", name, {
        targetRef,
        from: entries.map(([from, each]) => ({ targetRef: from, default: { action: each } })),
      }),
    );

const match = fc
  .oneof(
    service.map((name) => ({ type: "Exact", value: `spiffe://${MESH}/${name}` })),
    fc.constant({ type: "Prefix", value: `spiffe://${MESH}` }),
  )
  .map((spiffeID) => ({ spiffeID }));
const matches = fc.array(match, { minLength: 1, maxLength: 2 });

/** Rules by id, which the certificates of the mesh's own CA have too: the first of them ends what `from` says. */
const byId = (name: string): fc.Arbitrary<string> =>
  fc
    .tuple(
      fc.oneof(
        { weight: 2, arbitrary: fc.constant({ kind: "Dataplane", labels: { app: "nobody" } }) },
        target,
      ),
      fc.record({ deny: matches, allow: matches }, { requiredKeys: ["allow"] }),
    )
    .map(([targetRef, conf]) =>
      policy("MeshTrafficPermission", name, { targetRef, rules: [{ default: conf }] }),
    );

/** A set for a mesh with a CA of its own, of the same names every time. */
export const tagPolicySet: fc.Arbitrary<PolicySet> = fc
  .tuple(byTags("p0"), byTags("p1"), byId("p2"))
  .map((documents) => ({ documents, away: [] }));
