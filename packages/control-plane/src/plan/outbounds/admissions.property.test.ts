import assert from "node:assert/strict";
import { test } from "node:test";
import type { CallerMatch, InboundSharedPlan, PermissionPlan, TargetRef } from "@skein/policies";
import fc from "fast-check";
import { type Admission, callerTerms, mayCall, termsOf } from "./admissions.ts";

/* Whoever may call a destination finds it under one of its terms: nothing that a permission allows is cut off. */

const origin = { policy: "kri_mtp_default___p_", rule: "spec" };
const path = fc.array(fc.constantFrom("a", "ab", "b"), { minLength: 0, maxLength: 3 });
const spiffeId = fc
  .tuple(fc.constantFrom("td", "default"), path)
  .map(([domain, parts]) => ["spiffe:/", domain, ...parts].join("/"));
const match: fc.Arbitrary<CallerMatch> = fc.record(
  {
    spiffeID: fc.record({ type: fc.constantFrom("Exact" as const, "Prefix" as const), value: spiffeId }),
    sni: fc.record({ type: fc.constant("Exact" as const), value: fc.constantFrom("x.mesh", "y.mesh") }),
  },
  { requiredKeys: [] },
);
const ruleList = fc.array(
  fc.array(match, { minLength: 1, maxLength: 2 }).map((matches) => ({ matches, origin })),
  { maxLength: 2 },
);
const identity = fc.record({
  model: fc.constant("identity" as const),
  deny: ruleList,
  allow: ruleList,
  allowWithShadowDeny: ruleList,
});
const tagValues = fc.record(
  { "kuma.io/service": fc.constantFrom("a", "b"), version: fc.constantFrom("1", "2") },
  { requiredKeys: [] },
);
const target: fc.Arbitrary<TargetRef> = fc.oneof(
  fc.constant({ kind: "Mesh" }),
  tagValues.map((values) => ({ kind: "MeshSubset", tags: values })),
  fc.constantFrom("a", "b").map((name) => ({ kind: "MeshService", name })),
);
const tags = fc.record({
  model: fc.constant("tags" as const),
  mesh: fc.constant("default"),
  entries: fc.array(
    fc.record({
      target,
      action: fc.constantFrom("Allow" as const, "Deny" as const, "AllowWithShadowDeny" as const),
      origin: fc.constant(origin),
    }),
    { maxLength: 3 },
  ),
});
const permissions: fc.Arbitrary<PermissionPlan | undefined> = fc.oneof(
  fc.constant(undefined),
  identity,
  tags,
  fc.record({ model: fc.constant("either" as const), tags, identity }),
);
const inbound = fc.record({ permissions, mode: fc.constantFrom("strict", "permissive", undefined) }).map(
  (given) =>
    ({
      tls:
        given.mode === undefined
          ? undefined
          : { mode: given.mode, certificateSecret: "", validationSecret: "", trustDomains: [] },
      policies: given.permissions === undefined ? {} : { MeshTrafficPermission: given.permissions },
    }) as unknown as InboundSharedPlan,
);
const admission: fc.Arbitrary<Admission> = fc.record({
  sni: fc.constantFrom("x.mesh", "y.mesh"),
  acceptsTls: fc.boolean(),
  inbounds: fc.array(inbound, { maxLength: 2 }),
});
const uris = fc.oneof(
  spiffeId.map((id) => [id]),
  tagValues.map((values) =>
    Object.entries(values).map(([key, value]) =>
      key === "kuma.io/service" ? `spiffe://default/${value}` : `kuma://${key}/${value}`,
    ),
  ),
);
const certificates = fc.array(uris, { maxLength: 2 });

test("who may call has a term of the destination", () => {
  let [allowed, refused, skipped] = [0, 0, 0];
  fc.assert(
    fc.property(admission, certificates, (to, caller) => {
      const terms = callerTerms(caller);
      const found = [...termsOf(to)].some((term) => terms.has(term));
      if (mayCall(to, caller)) {
        allowed += 1;
        assert.ok(found);
      } else refused += 1;
      if (!found) skipped += 1;
    }),
    { numRuns: 3_000 },
  );
  assert.ok(allowed > 100 && refused > 100 && skipped > 30, `${allowed} ${refused} ${skipped}`);
});
