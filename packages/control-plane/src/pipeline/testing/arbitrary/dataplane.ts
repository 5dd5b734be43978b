import fc from "fast-check";
import { compact, type Document, optional } from "./document.ts";
import { app, dataplaneName, SERVICES, version } from "./names.ts";
import { anyReference } from "./references.ts";

const inbound = (port: number) =>
  fc
    .record({
      named: fc.boolean(),
      protocol: optional(fc.constantFrom("http", "http2", "grpc", "tcp")),
      service: app,
      version: optional(version),
      zone: optional(fc.constantFrom("west", "north")),
      state: optional(fc.constantFrom("Ready", "NotReady", "Ignored")),
    })
    .map((given) =>
      compact({
        port,
        name: given.named ? `p${port}` : undefined,
        protocol: given.protocol,
        state: given.state,
        tags: compact({
          "kuma.io/service": given.service,
          version: given.version,
          "kuma.io/zone": given.zone,
        }),
      }),
    );

const outbound = (port: number) =>
  fc.oneof(
    anyReference.map((backendRef) => ({ port, backendRef })),
    app.map((service) => ({ port, tags: { "kuma.io/service": service } })),
  );

/** What a transparent proxy asks to reach. */
const transparent = fc
  .record({
    port: optional(fc.constant(15_001)),
    direct: optional(fc.array(fc.oneof(app, fc.constant("*")), { maxLength: 2 })),
    services: optional(fc.subarray([...SERVICES])),
    refs: optional(
      fc.array(
        fc.oneof(
          fc.record({ name: fc.oneof(app, fc.constant("shop")), port: optional(fc.constantFrom(80, 81)) }),
          app.map((label) => ({ labels: { app: label } })),
          fc.constantFrom("e0", "e1").map((each) => ({ kind: "MeshExternalService", name: each })),
          fc.constantFrom("z0", "z1").map((each) => ({ kind: "MeshMultiZoneService", name: each })),
        ),
        { maxLength: 3 },
      ),
    ),
  })
  .map(({ port, direct, services, refs }) =>
    compact({
      redirectPortOutbound: port,
      directAccessServices: direct,
      reachableServices: services,
      reachableBackends: refs && { refs: refs.map((ref) => compact({ kind: "MeshService", ...ref })) },
    }),
  );

/** A sidecar, or an egress beside one, with what it calls. */
export const dataplane: fc.Arbitrary<Document> = fc
  .record({
    name: dataplaneName,
    app,
    workload: fc.boolean(),
    address: fc.constantFrom(1, 2),
    transparentProxying: optional(transparent),
    inbounds: fc.tuple(inbound(8080), optional(inbound(8081))),
    listeners: fc.subarray<Document>([
      { type: "ZoneEgress", port: 10_002 },
      { type: "ZoneEgress", port: 10_003, name: "out", state: "NotReady" },
      { type: "ZoneIngress", port: 10_001 },
    ]),
    outbounds: fc.tuple(optional(outbound(10080)), optional(outbound(10081)), optional(outbound(10082))),
  })
  .map((given) => ({
    type: "Dataplane",
    mesh: "default",
    name: given.name,
    labels: compact({ app: given.app, "kuma.io/workload": given.workload ? given.app : undefined }),
    networking: compact({
      address: `127.0.${given.address}.${given.name.slice(1)}`,
      inbound: given.inbounds.filter((each) => each !== undefined),
      listeners: given.listeners,
      outbound: given.outbounds.filter((each) => each !== undefined),
      transparentProxying: given.transparentProxying,
    }),
  }));
