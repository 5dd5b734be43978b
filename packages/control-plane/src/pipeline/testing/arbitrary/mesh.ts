import fc from "fast-check";
import { PEM } from "../certificates.ts";
import { compact, type Document, optional } from "./document.ts";
import { app } from "./names.ts";

/** The mesh itself. */
export const mesh: fc.Arbitrary<Document> = fc
  .record({
    mode: fc.constantFrom("Exclusive", "Exclusive", undefined, "Disabled", "Everywhere", "ReachableBackends"),
    mtls: fc.boolean(),
    routing: fc.constantFrom(
      undefined,
      undefined,
      { defaultForbidMeshExternalServiceAccess: true },
      { zoneEgress: true },
      { zoneEgress: true },
    ),
  })
  .map(({ mode, mtls, routing }) =>
    compact({
      type: "Mesh",
      name: "default",
      routing,
      meshServices: mode === undefined ? undefined : { mode },
      mtls: mtls ? { enabledBackend: "ca-1", backends: [{ name: "ca-1", type: "builtin" }] } : undefined,
    }),
  );

/** An issuer of certificates for some dataplanes. */
export const meshIdentity: fc.Arbitrary<Document> = fc
  .record({
    name: fc.constantFrom("i0", "i1"),
    app: optional(app),
    domain: fc.constantFrom("a.mesh", "b.mesh"),
  })
  .map((given) => ({
    type: "MeshIdentity",
    mesh: "default",
    name: given.name,
    spec: {
      selector: { dataplane: { matchLabels: given.app === undefined ? {} : { app: given.app } } },
      spiffeID: { trustDomain: given.domain, path: "/workload/{{ .Workload }}" },
      provider: {
        type: "Bundled",
        bundled: { autogenerate: { enabled: true }, insecureAllowSelfSigned: true },
      },
    },
  }));

/** A trust domain with its CA. */
export const meshTrust: fc.Arbitrary<Document> = fc
  .record({ name: fc.constantFrom("t0", "t1"), domain: fc.constantFrom("a.mesh", "b.mesh") })
  .map((given) => ({
    type: "MeshTrust",
    mesh: "default",
    name: given.name,
    spec: { trustDomain: given.domain, caBundles: [{ type: "Pem", pem: { value: PEM["ca.pem"] } }] },
  }));

/** One that is there or not: what it was before counts only where what it is now is of no use. */
export const secret: fc.Arbitrary<Document> = fc
  .constantFrom(["s0", "ca.pem"] as const, ["s1", "leaf-pair.pem"] as const)
  .map(([secretName, file]) => ({
    type: "Secret",
    mesh: "default",
    name: secretName,
    data: Buffer.from(PEM[file]).toString("base64"),
  }));
