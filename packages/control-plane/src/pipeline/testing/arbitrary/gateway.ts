import fc from "fast-check";
import { PEM } from "../certificates.ts";
import { compact, type Document, optional } from "./document.ts";
import { app, version } from "./names.ts";

/** One that is a gateway: built in, or of somebody's own. */
export const gatewayDataplane: fc.Arbitrary<Document> = fc
  .record({
    name: fc.constantFrom("d3", "d4"),
    app,
    type: fc.constantFrom("BUILTIN", "BUILTIN", "BUILTIN", "DELEGATED"),
    tags: fc.record({ service: fc.constantFrom("web", "web", "web", "db"), version: optional(version) }),
  })
  .map((given) => ({
    type: "Dataplane",
    mesh: "default",
    name: given.name,
    labels: { app: given.app, "kuma.io/workload": given.app },
    networking: {
      address: `127.0.1.${given.name.slice(1)}`,
      gateway: {
        type: given.type,
        tags: compact({ "kuma.io/service": given.tags.service, version: given.tags.version }),
      },
    },
  }));

const certificates = fc.constantFrom(
  [{ secret: "s0" }],
  [{ secret: "s1" }],
  [{ inlineString: PEM["leaf-pair.pem"] }],
);

/** What gateways listen to. */
export const meshGateway: fc.Arbitrary<Document> = fc
  .record({
    name: fc.constantFrom("g0", "g1"),
    match: fc.record({ service: fc.constantFrom("*", "web", "web", "db"), version: optional(version) }),
    hostnames: fc.subarray([undefined, "*.a.test", "x.a.test"], { minLength: 1 }),
    isSecure: fc.boolean(),
    certificates,
    bytes: fc.boolean(),
  })
  .map((given) => ({
    type: "MeshGateway",
    mesh: "default",
    name: given.name,
    selectors: [{ match: compact({ "kuma.io/service": given.match.service, version: given.match.version }) }],
    conf: {
      listeners: [
        ...given.hostnames.map((hostname, i) =>
          compact({
            port: 80,
            hostname,
            tags: { name: i === 0 ? "first" : "other" },
            ...(given.isSecure
              ? { protocol: "HTTPS", tls: { mode: "TERMINATE", certificates: given.certificates } }
              : { protocol: "HTTP" }),
          }),
        ),
        ...(given.bytes ? [{ port: 81, protocol: "TCP", tags: { name: "first" } }] : []),
      ],
    },
  }));
