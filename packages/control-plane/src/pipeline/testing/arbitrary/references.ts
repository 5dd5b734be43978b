import fc from "fast-check";
import type { Document } from "./document.ts";
import { app } from "./names.ts";

/** A service or a port of one, by name or by label. */
export const reference = fc.oneof(
  fc.record({
    kind: fc.constant("MeshService"),
    name: fc.oneof(app, fc.constant("shop")),
    port: fc.constantFrom(80, 81),
  }),
  app.map((label) => ({ kind: "MeshService", labels: { app: label }, port: 80 })),
);

/** What may be called, and gets a part of somebody else's requests. */
export const anyReference: fc.Arbitrary<Document> = fc.oneof(
  { weight: 3, arbitrary: reference },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Document>(
      { kind: "MeshExternalService", name: "e0" },
      { kind: "MeshExternalService", labels: { app: "db" } },
      { kind: "MeshMultiZoneService", name: "z0", port: 80 },
    ),
  },
);
