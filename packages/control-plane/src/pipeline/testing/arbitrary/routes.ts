import fc from "fast-check";
import type { Document } from "./document.ts";
import { app, version } from "./names.ts";
import { anyReference, reference } from "./references.ts";
import { anyTarget } from "./targets.ts";

const backendRef = fc.oneof(
  fc.tuple(anyReference, fc.nat(2)).map(([ref, weight]): Document => ({ ...ref, weight })),
  fc.tuple(app, version).map(
    ([service, value]): Document => ({
      kind: "MeshServiceSubset",
      name: service,
      tags: { version: value },
    }),
  ),
);

/** Where a route leads, by weight. */
export const backendRefs = fc.array(backendRef, { minLength: 1, maxLength: 3 });

/** A rule of a MeshHTTPRoute. */
export const httpRule = fc.record({
  matches: fc.constantFrom(
    [{ path: { type: "PathPrefix", value: "/" } }],
    [{ path: { type: "Exact", value: "/a" } }, { method: "GET" }],
  ),
  default: fc.oneof(
    backendRefs.map((refs): Document => ({ backendRefs: refs })),
    reference.map(
      (ref): Document => ({ filters: [{ type: "RequestMirror", requestMirror: { backendRef: ref } }] }),
    ),
  ),
});

/** A route with at most `most` rules. */
export const routing = (rule: fc.Arbitrary<Document>, most: number) =>
  fc.tuple(anyTarget, fc.array(rule, { minLength: 1, maxLength: most })).map(
    ([target, list]): Document => ({
      to: [
        { targetRef: target.kind === "Mesh" ? { kind: "MeshService", name: "web" } : target, rules: list },
      ],
    }),
  );
