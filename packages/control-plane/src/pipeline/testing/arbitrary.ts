import fc from "fast-check";
import { PEM } from "./certificates.ts";

/* Documents of a small mesh in which everything has to do with everything. */

/** The dataplanes that there may be. */
export const DATAPLANES = ["d0", "d1", "d2", "d3", "d4"] as const;
/** The services that there may be. */
const SERVICES = ["web", "backend", "db"] as const;
/** Every issuer that certificates may come from. */
export const ISSUERS = [
  "kri_mid_default_east__i0_",
  "kri_mid_default_east__i1_",
  "mtls/default/ca-1",
] as const;
/** Names of the secrets that hold certificates. */
export const SECRETS = [
  "kri_mid_default_east__i0_",
  "kri_mid_default_east__i1_",
  "system_mtls_identity_default",
  "identity_cert:secret:default",
] as const;

/** A document of the API. */
export type Document = Readonly<Record<string, unknown>>;

const app = fc.constantFrom(...SERVICES);
const name = fc.constantFrom(...DATAPLANES);
const version = fc.constantFrom("v1", "v2");
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });

/** Leaves out what is not there, as a document does. */
function compact(fields: Document): Document {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

const mesh: fc.Arbitrary<Document> = fc
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

const reference = fc.oneof(
  fc.record({
    kind: fc.constant("MeshService"),
    name: fc.oneof(app, fc.constant("shop")),
    port: fc.constantFrom(80, 81),
  }),
  app.map((label) => ({ kind: "MeshService", labels: { app: label }, port: 80 })),
);
/** What may be called, and gets a part of somebody else's requests. */
const anyReference: fc.Arbitrary<Document> = fc.oneof(
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

const dataplane: fc.Arbitrary<Document> = fc
  .record({
    name,
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

/** One that is a gateway: built in, or of somebody's own. */
const gatewayDataplane: fc.Arbitrary<Document> = fc
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
const meshGateway: fc.Arbitrary<Document> = fc
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

const selector = fc.oneof(
  app.map((label) => ({ dataplaneLabels: { matchLabels: { app: label } } })),
  fc.constant({ dataplaneLabels: { matchLabels: {} } }),
  app.map((service) => ({ dataplaneTags: { "kuma.io/service": service } })),
  version.map((value) => ({ dataplaneTags: { version: value } })),
  name.map((dataplaneName) => ({ dataplaneRef: { name: dataplaneName } })),
);
const protocol = fc.constantFrom("http", "http2", "grpc", "tcp");
const meshService: fc.Arbitrary<Document> = fc
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

const externalService: fc.Arbitrary<Document> = fc
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

/** One that is there or not: what it was before counts only where what it is now is of no use. */
const secret: fc.Arbitrary<Document> = fc
  .constantFrom(["s0", "ca.pem"] as const, ["s1", "leaf-pair.pem"] as const)
  .map(([secretName, file]) => ({
    type: "Secret",
    mesh: "default",
    name: secretName,
    data: Buffer.from(PEM[file]).toString("base64"),
  }));

const multiZoneService: fc.Arbitrary<Document> = fc
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

const meshIdentity: fc.Arbitrary<Document> = fc
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

const meshTrust: fc.Arbitrary<Document> = fc
  .record({ name: fc.constantFrom("t0", "t1"), domain: fc.constantFrom("a.mesh", "b.mesh") })
  .map((given) => ({
    type: "MeshTrust",
    mesh: "default",
    name: given.name,
    spec: { trustDomain: given.domain, caBundles: [{ type: "Pem", pem: { value: PEM["ca.pem"] } }] },
  }));

const wholeMesh = { kind: "Mesh" };
const top = fc.oneof(
  fc.constant(undefined),
  fc.constant<Document>({ kind: "Mesh", proxyTypes: ["Sidecar"] }),
  app.map((label): Document => ({ kind: "Dataplane", labels: { app: label } })),
  name.map((dataplaneName): Document => ({ kind: "Dataplane", name: dataplaneName })),
  version.map((value): Document => ({ kind: "MeshSubset", tags: { version: value } })),
  app.map((service): Document => ({ kind: "MeshService", name: service })),
);
const section = fc.constantFrom("8080", "p8080", "8081");
const toTarget = fc.oneof(
  fc.constant<Document>(wholeMesh),
  app.map((service): Document => ({ kind: "MeshService", name: service })),
  app.map((service): Document => ({ kind: "MeshService", name: service, sectionName: "main" })),
  app.map((label): Document => ({ kind: "MeshService", labels: { app: label } })),
);

/** What most policies may be about. */
const anyTarget = fc.oneof(
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

const seconds = fc.constantFrom("1s", "2s", "3s");
const requestTimeout = seconds.map((each) => ({ http: { requestTimeout: each } }));
const timeout = fc.oneof(
  seconds.map((idleTimeout) => ({ idleTimeout })),
  requestTimeout,
);
const breaker = fc.oneof(
  fc.nat(2).map((n) => ({ connectionLimits: { maxRequests: n + 1 } })),
  fc.nat(2).map((n) => ({ outlierDetection: { detectors: { totalFailures: { consecutive: n + 1 } } } })),
);
const retry = fc.nat(2).map((n) => ({ http: { numRetries: n }, tcp: { maxConnectAttempt: n + 1 } }));
const check = fc.constantFrom<Document>(
  { interval: "1s", http: {}, tcp: { send: "PING" } },
  { timeout: "2s", http: { disabled: true }, grpc: { serviceName: "s" } },
  { failTrafficOnPanic: true, http: { path: "/health" } },
);
const strategy = fc.oneof(
  fc.constantFrom<Document>(
    { loadBalancer: { type: "Maglev" }, hashPolicies: [{ type: "Header", header: { name: "x-user" } }] },
    { loadBalancer: { type: "RingHash", ringHash: { maxRingSize: 64 } } },
    { localityAwareness: { disabled: true } },
    { localityAwareness: { localZone: { affinityTags: [{ key: "version" }, { key: "app" }] } } },
  ),
  fc
    .record({ type: fc.constantFrom("Any", "None"), from: fc.constantFrom("east", "west") })
    .map(({ type, from }) => ({
      localityAwareness: {
        crossZone: {
          failover: [{ from: { zones: [from] }, to: { type: "Only", zones: ["north"] } }, { to: { type } }],
          failoverThreshold: { percentage: 70 },
        },
      },
    })),
);
const requestLimit = fc.oneof(
  fc.nat(2).map((n) => ({ local: { http: { requestRate: { num: n + 1, interval: "1s" } } } })),
  fc.constant({ local: { http: { disabled: true } } }),
);
const limit = fc.oneof(
  requestLimit,
  fc.nat(2).map((n) => ({ local: { tcp: { connectionRate: { num: n + 1, interval: "1s" } } } })),
);
const fault = fc.oneof(
  fc.nat(2).map((n) => ({ http: [{ abort: { httpStatus: 503, percentage: n + 1 } }] })),
  seconds.map((value) => ({ http: [{ delay: { value, percentage: 1 } }] })),
);
const tls = fc.constantFrom({ mode: "Strict" }, { mode: "Permissive" });
const id = app.map((each) => ({ spiffeID: { type: "Exact", value: `spiffe://a.mesh/workload/${each}` } }));
const match = fc.oneof(
  id,
  fc.constant({ spiffeID: { type: "Prefix", value: "spiffe://a.mesh" } }),
  app.map((each) => ({ sni: { type: "Exact", value: `sni.${each}` } })),
);
const permission = fc.oneof(
  id.map((match) => ({ allow: [match] })),
  id.map((match) => ({ deny: [match], allowWithShadowDeny: [match] })),
  fc
    .constantFrom(...SERVICES, "extsvc.default.east.e0.80")
    .map((each) => ({ allow: [{ sni: { type: "Exact", value: `sni.${each}` } }] })),
);
const action = fc.constantFrom("Allow", "Deny", "AllowWithShadowDeny").map((each) => ({ action: each }));
const caller = fc.oneof(
  fc.constant<Document>(wholeMesh),
  app.map((service): Document => ({ kind: "MeshSubset", tags: { "kuma.io/service": service } })),
);

const routeTarget = fc.oneof(
  anyTarget,
  fc.constantFrom("p0", "p1").map((routeName): Document => ({ kind: "MeshHTTPRoute", name: routeName })),
);
/** Targets that may be called in other zones. */
const wholeServices = toTarget.filter(({ sectionName, labels }) => (sectionName ?? labels) === undefined);

const to = (conf: fc.Arbitrary<Document>, target: fc.Arbitrary<Document> = anyTarget) =>
  fc
    .array(fc.record({ targetRef: target, default: conf }), { minLength: 1, maxLength: 2 })
    .map((entries): Document => ({ to: entries }));
const from = (conf: fc.Arbitrary<Document>, target: fc.Arbitrary<Document> = fc.constant(wholeMesh)) =>
  fc
    .array(fc.record({ targetRef: target, default: conf }), { minLength: 1, maxLength: 2 })
    .map((entries): Document => ({ from: entries }));
const rules = (conf: fc.Arbitrary<Document>) =>
  conf.map((each): Document => ({ rules: [{ default: each }] }));
/** Rules may be about some callers. */
const byCaller = (conf: fc.Arbitrary<Document>) =>
  fc
    .array(fc.tuple(fc.array(match, { maxLength: 2 }), conf), { minLength: 1, maxLength: 3 })
    .map((entries): Document => ({ rules: entries.map(([matches, each]) => ({ matches, default: each })) }));
/** Rules may be about one inbound. */
const sectioned = (conf: fc.Arbitrary<Document>) =>
  fc.tuple(rules(conf), section, app).map(
    ([block, sectionName, label]): Document => ({
      ...block,
      targetRef: { kind: "Dataplane", labels: { app: label }, sectionName },
    }),
  );

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
const backendRefs = fc.array(backendRef, { minLength: 1, maxLength: 3 });
const httpRule = fc.record({
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
const routing = (rule: fc.Arbitrary<Document>, most: number) =>
  fc.tuple(anyTarget, fc.array(rule, { minLength: 1, maxLength: most })).map(
    ([target, list]): Document => ({
      to: [
        { targetRef: target.kind === "Mesh" ? { kind: "MeshService", name: "web" } : target, rules: list },
      ],
    }),
  );
const patch = fc.oneof(
  seconds.map((connectTimeout) => ({
    cluster: {
      operation: "Patch",
      match: { origin: "outbound" },
      jsonPatches: [{ op: "add", path: "/connectTimeout", value: connectTimeout }],
    },
  })),
  seconds.map((connectTimeout) => ({
    cluster: { operation: "Add", value: `name: extra\nconnectTimeout: ${connectTimeout}` },
  })),
  fc.constant({
    virtualHost: { operation: "Patch", match: {}, value: "requestHeadersToRemove: [x-gone]" },
  }),
  fc.constant({ listener: { operation: "Remove", match: { origin: "inbound" } } }),
);
const patches = fc
  .array(patch, { minLength: 1, maxLength: 2 })
  .map((appendModifications): Document => ({ default: { appendModifications } }));

/** Addresses only: an edit may leave the protocol out, and a domain cannot do without. */
const passthroughMatch = fc
  .record({
    type: fc.constant("IP"),
    value: fc.constantFrom("192.0.2.1", "2001:db8::1"),
    port: optional(fc.constantFrom(80, 443)),
    protocol: optional(fc.constantFrom("tcp", "tls", "http")),
  })
  .map(compact);
/** Of one protocol: edits make `http` of `tcp` and `grpc` of `http`, and a port can have one kind of HTTP. */
const passthroughMatches = fc
  .uniqueArray(passthroughMatch, { maxLength: 2, selector: ({ value }) => value })
  .map((matches) => matches.map((match) => compact({ ...match, protocol: matches[0]?.protocol })));
const passthrough = fc
  .record({
    passthroughMode: optional(fc.constantFrom("All", "Matched", "None")),
    appendMatch: optional(passthroughMatches),
  })
  .map(compact);
const opa = fc.oneof(
  fc.constantFrom("s0", "s1").map((secret): Document => ({ appendPolicies: [{ rego: { secret } }] })),
  fc.constantFrom("Allow", "Deny").map((onAgentFailure): Document => ({ authConfig: { onAgentFailure } })),
  fc.constant<Document>({ agentConfig: { inlineString: "{}" } }),
);

const policySpecs: Readonly<Record<string, fc.Arbitrary<Document>>> = {
  MeshHTTPRoute: routing(httpRule, 2),
  MeshTCPRoute: routing(
    backendRefs.map((refs): Document => ({ default: { backendRefs: refs } })),
    1,
  ),
  MeshTimeout: fc.oneof(
    to(timeout, routeTarget),
    byCaller(requestTimeout),
    from(timeout),
    rules(timeout),
    sectioned(timeout),
  ),
  MeshCircuitBreaker: fc.oneof(to(breaker), from(breaker), rules(breaker), sectioned(breaker)),
  MeshRetry: to(retry, routeTarget),
  MeshHealthCheck: to(check),
  MeshLoadBalancingStrategy: to(strategy, wholeServices),
  MeshRateLimit: fc.oneof(from(limit), sectioned(limit), byCaller(requestLimit)),
  MeshFaultInjection: fc.oneof(from(fault, caller), rules(fault), byCaller(fault)),
  MeshOPA: opa.map((conf): Document => ({ default: conf })),
  MeshPassthrough: passthrough.map((conf): Document => ({ default: conf })),
  MeshTLS: fc.oneof(rules(tls), sectioned(tls)),
  MeshTrafficPermission: fc.oneof(rules(permission), sectioned(permission), from(action, caller)),
  MeshProxyPatch: patches,
};

/** Kinds whose rules for inbounds stand only where no gateway is selected. */
const SIDECARS_ONLY: readonly string[] = ["MeshRateLimit", "MeshFaultInjection"];

function sidecars(targetRef: Document | undefined): Document | undefined {
  const kind = targetRef?.kind ?? "Mesh";
  if (kind !== "Mesh" && kind !== "MeshSubset") return targetRef;
  return { kind, ...targetRef, proxyTypes: ["Sidecar"] };
}

/** Kinds that take no services at the top. */
const NO_SERVICES: readonly string[] = ["MeshTLS", "MeshOPA", "MeshPassthrough"];

/** A policy of one of these kinds under one of these names. */
const policy: fc.Arbitrary<Document> = fc.oneof(
  ...Object.entries(policySpecs).map(([type, specs]) =>
    fc
      .tuple(fc.constantFrom("p0", "p1", "p2"), top, specs, fc.boolean())
      .map(([policyName, targetRef, spec, shadow]) => {
        const allowed =
          NO_SERVICES.includes(type) && targetRef?.kind === "MeshService" ? undefined : targetRef;
        const selected = SIDECARS_ONLY.includes(type) ? sidecars(allowed) : allowed;
        return compact({
          type,
          mesh: "default",
          name: policyName,
          labels: shadow ? { "kuma.io/effect": "shadow" } : undefined,
          spec: compact({ targetRef: selected, ...spec }),
        });
      }),
  ),
);

/** The gateway by name, or some of its listeners. */
const gatewayTop = fc
  .record({
    name: fc.constantFrom("g0", "g0", "g1"),
    tags: optional(fc.constantFrom({ name: "first" }, { version: "v1" })),
  })
  .map((given): Document => compact({ kind: "MeshGateway", ...given }));
const ofMesh = (conf: fc.Arbitrary<Document>, field = "default"): fc.Arbitrary<Document> =>
  conf.map((given) => ({ to: [{ targetRef: wholeMesh, [field]: given }] }));
const gatewayRules = fc
  .record({ path: fc.constantFrom("/", "/a"), refs: backendRefs })
  .map(({ path, refs }) => [
    { matches: [{ path: { type: "PathPrefix", value: path } }], default: { backendRefs: refs } },
  ]);

/** What policies may say of gateways. */
const gatewaySpecs: Readonly<Record<string, fc.Arbitrary<Document>>> = {
  MeshHTTPRoute: fc
    .record({
      rules: gatewayRules,
      hostnames: optional(fc.subarray(["x.a.test", "*.a.test", "b.test"], { minLength: 1 })),
    })
    .map(({ rules: given, hostnames }) => ({
      to: [compact({ targetRef: wholeMesh, hostnames, rules: given })],
    })),
  MeshTCPRoute: backendRefs.map((refs) => ({
    to: [{ targetRef: wholeMesh, rules: [{ default: { backendRefs: refs } }] }],
  })),
  MeshTimeout: fc.oneof(ofMesh(timeout), rules(timeout)),
  MeshCircuitBreaker: to(breaker),
  MeshRetry: ofMesh(retry),
  MeshHealthCheck: to(check),
  MeshLoadBalancingStrategy: ofMesh(strategy),
  MeshRateLimit: ofMesh(limit),
  MeshFaultInjection: ofMesh(fault),
};

/** A policy of one of these kinds about a gateway: mostly a route, without which the others have little to say. */
const gatewayPolicy: fc.Arbitrary<Document> = fc.oneof(
  ...Object.entries(gatewaySpecs).map(([type, specs]) => ({
    weight: type.endsWith("Route") ? 4 : 1,
    arbitrary: fc
      .tuple(fc.constantFrom("p0", "p1", "p3"), gatewayTop, specs)
      .map(([policyName, targetRef, spec]) => ({
        type,
        mesh: "default",
        name: policyName,
        spec: { targetRef, ...spec },
      })),
  })),
);

/** All that a gateway needs to be one, which seldom comes together by chance. */
export const gatewayScene: fc.Arbitrary<readonly Document[]> = fc
  .tuple(mesh, gatewayDataplane, meshGateway, meshService, gatewayPolicy, gatewayPolicy, gatewayPolicy)
  .map((documents) => [...documents]);

/** Any document. */
export const document: fc.Arbitrary<Document> = fc.oneof(
  { weight: 1, arbitrary: mesh },
  { weight: 5, arbitrary: dataplane },
  { weight: 3, arbitrary: gatewayDataplane },
  { weight: 3, arbitrary: meshGateway },
  { weight: 4, arbitrary: meshService },
  { weight: 2, arbitrary: meshIdentity },
  { weight: 1, arbitrary: meshTrust },
  { weight: 2, arbitrary: externalService },
  { weight: 1, arbitrary: secret },
  { weight: 1, arbitrary: multiZoneService },
  { weight: 5, arbitrary: policy },
  { weight: 8, arbitrary: gatewayPolicy },
);

const NEXT: Readonly<Record<string, string>> = {
  "1s": "2s",
  "2s": "3s",
  "3s": "1s",
  http: "grpc",
  grpc: "tcp",
  tcp: "http",
  Ready: "NotReady",
  NotReady: "Ready",
  Strict: "Permissive",
  Permissive: "Strict",
  Allow: "Deny",
  Deny: "Allow",
};
const COUNTS = [
  "weight",
  "numRetries",
  "maxConnectAttempt",
  "maxRequests",
  "consecutive",
  "num",
  "percentage",
];

/** The same document with other values in the same places: what people do most. */
export function edited(original: Document): Document {
  const edit = (value: unknown, key: string): unknown => {
    if (typeof value === "string") return key === "kind" || key === "name" ? value : (NEXT[value] ?? value);
    if (typeof value === "number") return COUNTS.includes(key) ? (value % 3) + 1 : value;
    if (Array.isArray(value)) return value.map((item) => edit(item, key));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, edit(inner, name)]));
  };
  return edit(original, "") as Document;
}
