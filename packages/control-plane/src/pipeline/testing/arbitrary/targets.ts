import fc from "fast-check";
import type { Document } from "./document.ts";
import { app, dataplaneName, version } from "./names.ts";

/** The target that is everything. */
export const wholeMesh = { kind: "Mesh" };

/** The proxies that a policy stands for; all of them without it. */
export const top = fc.oneof(
  fc.constant(undefined),
  fc.constant<Document>({ kind: "Mesh", proxyTypes: ["Sidecar"] }),
  app.map((label): Document => ({ kind: "Dataplane", labels: { app: label } })),
  dataplaneName.map((each): Document => ({ kind: "Dataplane", name: each })),
  version.map((value): Document => ({ kind: "MeshSubset", tags: { version: value } })),
  app.map((service): Document => ({ kind: "MeshService", name: service })),
);

/** Services of the mesh that a policy is about. */
export const toTarget = fc.oneof(
  fc.constant<Document>(wholeMesh),
  app.map((service): Document => ({ kind: "MeshService", name: service })),
  app.map((service): Document => ({ kind: "MeshService", name: service, sectionName: "main" })),
  app.map((label): Document => ({ kind: "MeshService", labels: { app: label } })),
);

/** What most policies may be about. */
export const anyTarget = fc.oneof(
  { weight: 3, arbitrary: toTarget },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Document>(
      { kind: "MeshExternalService", name: "e0" },
      { kind: "MeshExternalService", labels: { app: "web" } },
      { kind: "MeshMultiZoneService", name: "z0" },
    ),
  },
);

/** What policies may be about that can be about routes, too. */
export const routeTarget = fc.oneof(
  anyTarget,
  fc.constantFrom("p0", "p1").map((routeName): Document => ({ kind: "MeshHTTPRoute", name: routeName })),
);

/** Targets that may be called in other zones. */
export const wholeServices = toTarget.filter(
  ({ sectionName, labels }) => (sectionName ?? labels) === undefined,
);

/** Callers, as the targets of `from` name them. */
export const caller = fc.oneof(
  fc.constant<Document>(wholeMesh),
  app.map((service): Document => ({ kind: "MeshSubset", tags: { "kuma.io/service": service } })),
);

/** A caller, by its SPIFFE id. */
export const callerId = app.map((each) => ({
  spiffeID: { type: "Exact", value: `spiffe://a.mesh/workload/${each}` },
}));

/** Callers, as the matches of a rule name them. */
export const callerMatch = fc.oneof(
  callerId,
  fc.constant({ spiffeID: { type: "Prefix", value: "spiffe://a.mesh" } }),
  app.map((each) => ({ sni: { type: "Exact", value: `sni.${each}` } })),
);
