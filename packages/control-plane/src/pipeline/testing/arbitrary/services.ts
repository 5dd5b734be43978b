import fc from "fast-check";
import { PEM } from "../certificates.ts";
import { compact, type Document, optional } from "./document.ts";
import { app, dataplaneName, version } from "./names.ts";

const selector = fc.oneof(
  app.map((label) => ({ dataplaneLabels: { matchLabels: { app: label } } })),
  fc.constant({ dataplaneLabels: { matchLabels: {} } }),
  app.map((service) => ({ dataplaneTags: { "kuma.io/service": service } })),
  version.map((value) => ({ dataplaneTags: { version: value } })),
  dataplaneName.map((each) => ({ dataplaneRef: { name: each } })),
);

const protocol = fc.constantFrom("http", "http2", "grpc", "tcp");

/** A service of the mesh. */
export const meshService: fc.Arbitrary<Document> = fc
  .record({
    name: app,
    label: app,
    displayName: optional(fc.constantFrom("shop", "web")),
    selector: optional(selector),
    protocol,
    named: fc.boolean(),
    second: fc.boolean(),
    target: fc.constantFrom<string | number>(8080, "p8080"),
    identity: optional(fc.constant([{ type: "SpiffeID", value: "spiffe://far/away" }])),
    vips: fc.subarray(["241.0.0.1", "241.0.0.2", "241.0.0.3", "127.0.1.1"], { maxLength: 2 }),
  })
  .map((given) => ({
    type: "MeshService",
    mesh: "default",
    name: given.name,
    labels: compact({ app: given.label, "kuma.io/display-name": given.displayName }),
    spec: compact({
      selector: given.selector,
      identities: given.identity,
      ports: [
        compact({
          port: 80,
          name: given.named ? "main" : undefined,
          targetPort: given.target,
          appProtocol: given.protocol,
        }),
        ...(given.second ? [{ port: 81, targetPort: 8081, appProtocol: "tcp" }] : []),
      ],
    }),
    status: { vips: given.vips.map((ip) => ({ ip })) },
  }));

/** One outside the mesh. */
export const externalService: fc.Arbitrary<Document> = fc
  .record({
    name: fc.constantFrom("e0", "e1"),
    label: app,
    protocol: fc.constantFrom("http", "grpc", "tcp"),
    addresses: fc.subarray(["a.example", "192.0.2.1", "192.0.2.2"], { minLength: 1 }),
    priority: fc.nat(2),
    tls: optional(
      fc.constantFrom<Document>(
        {},
        { mode: "SkipAll" },
        { caCert: { inlineString: PEM["ca.pem"] } },
        { caCert: { secret: "s0" } },
      ),
    ),
  })
  .map((given) => ({
    type: "MeshExternalService",
    mesh: "default",
    name: given.name,
    labels: { app: given.label },
    spec: compact({
      match: { type: "HostnameGenerator", port: 80, protocol: given.protocol },
      endpoints: given.addresses.map((address, i) => ({ address, port: 443, priority: i * given.priority })),
      tls: given.tls === undefined ? undefined : { enabled: true, verification: given.tls },
    }),
    status: given.addresses.length > 1 ? { vip: { ip: "242.0.0.1" } } : {},
  }));

/** One in several zones. */
export const multiZoneService: fc.Arbitrary<Document> = fc
  .record({ name: fc.constantFrom("z0", "z1"), label: optional(app), protocol })
  .map((given) => ({
    type: "MeshMultiZoneService",
    mesh: "default",
    name: given.name,
    spec: {
      selector: { meshService: { matchLabels: given.label === undefined ? {} : { app: given.label } } },
      ports: [{ port: 80, appProtocol: given.protocol }],
    },
    status: { vips: [{ ip: given.label === undefined ? "243.0.0.1" : "243.0.0.2" }] },
  }));
