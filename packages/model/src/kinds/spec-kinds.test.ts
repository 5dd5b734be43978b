import assert from "node:assert/strict";
import { test } from "node:test";
import type { KindDefinition } from "../kind.ts";
import { parseResource } from "../parse.ts";
import { hostnameGeneratorKind } from "./hostname-generator.ts";
import { meshExternalServiceKind, unixSocketPath } from "./mesh-external-service.ts";
import { meshIdentityKind } from "./mesh-identity.ts";
import { meshMultiZoneServiceKind } from "./mesh-multi-zone-service.ts";
import { meshServiceKind } from "./mesh-service.ts";
import { meshTrustKind } from "./mesh-trust.ts";
import { workloadKind } from "./workload.ts";

const parse = (kind: KindDefinition, spec: unknown, name = "n") =>
  parseResource(
    kind,
    { type: kind.type, ...(kind.scope === "Mesh" ? { mesh: "m" } : {}), name, spec },
    { unknownFields: "strict" },
  );
const problems = (kind: KindDefinition, spec: unknown, name?: string): string =>
  parse(kind, spec, name)
    .violations.map(({ field, reason }) => `${field}: ${reason}`)
    .join("\n");

function check(
  kind: KindDefinition,
  good: readonly unknown[],
  bad: readonly (readonly [unknown, RegExp])[],
): void {
  for (const spec of good) assert.equal(problems(kind, spec), "", JSON.stringify(spec));
  for (const [spec, want] of bad) assert.match(problems(kind, spec), want, JSON.stringify(spec));
}

test("MeshService", () => {
  check(
    meshServiceKind,
    [
      {},
      {
        selector: { dataplaneTags: { "kuma.io/service": "a" } },
        ports: [
          { port: 80, targetPort: 8080, appProtocol: "http" },
          { port: 81, targetPort: "main", name: "x" },
        ],
        identities: [{ type: "SpiffeID", value: "spiffe://td/a" }],
      },
      { selector: { dataplaneLabels: { matchLabels: { app: "a" } } } },
    ],
    [
      [
        { selector: { dataplaneTags: {}, dataplaneRef: { name: "a" } } },
        /spec\.selector: must have only one of/,
      ],
      [{ selector: { dataplaneRef: {} } }, /dataplaneRef\.name: cannot be empty/],
      [{ selector: { dataplaneLabels: { matchLabels: { "a b": "c" } } } }, /matchLabels\["a b"\]/],
      [{ ports: [{ port: 80 }, { port: 80 }] }, /spec\.ports\[1\]\.port: port 80 is already defined/],
      [
        {
          ports: [
            { port: 80, name: "a" },
            { port: 81, name: "a" },
          ],
        },
        /ports\[1\]\.name: port name "a" is already/,
      ],
      [{ ports: [{ port: 80, name: "A_" }] }, /ports\[0\]\.name: must consist of/],
      [{ ports: [{ port: 80, targetPort: 0 }] }, /ports\[0\]\.targetPort: port must be in the range/],
      [
        { ports: [{ port: 80, targetPort: "a b" }] },
        /ports\[0\]\.targetPort: must be a port number or the name/,
      ],
      [{ ports: [{}] }, /ports\[0\]\.port: must be defined/],
      [{ state: "available" }, /spec\.state: .*did you mean `Available`/],
    ],
  );
  assert.deepEqual(parse(meshServiceKind, { ports: [{ port: 80 }] }).resource?.spec, {
    state: "Unavailable",
    ports: [{ port: 80, appProtocol: "tcp" }],
  });
  assert.match(
    parse(meshServiceKind, { ports: [{ port: 80, appProtocol: "ws" }] }).warnings[0] ?? "",
    /treated as tcp/,
  );
  assert.match(problems(meshServiceKind, {}, "a".repeat(64)), /name: cannot be longer than 63/);
});

test("MeshExternalService", () => {
  const match = { port: 443 };
  const endpoints = [{ address: "db.example", port: 5432 }];
  const tls = (conf: unknown) => ({ match, endpoints, tls: conf });
  const verification = (conf: unknown) => tls({ enabled: true, verification: conf });
  const secret = { secret: "s" };
  check(
    meshExternalServiceKind,
    [
      { match, endpoints },
      { match, endpoints: [{ address: "unix:///run/db.sock" }, { address: "192.0.2.1", port: 1 }] },
      { match: { type: "HostnameGenerator", port: 1, protocol: "grpc" }, endpoints },
      { match, extension: { type: "lambda", config: { arn: "x" } } },
      {
        match: { port: 65535, protocol: "http2" },
        endpoints: [
          { address: "192.0.2.1", port: 1, priority: 0 },
          { address: "2001:db8::1", port: 65535, priority: 128 },
          { address: "DB.example", port: 80 },
        ],
      },
      tls({ enabled: true, version: { min: "TLS12", max: "TLS13" }, allowRenegotiation: true }),
      tls({ version: { min: "TLS13", max: "TLSAuto" } }),
      tls({ version: { min: "TLS12", max: "TLS12" } }),
      verification({}),
      verification({
        mode: "Secured",
        serverName: "db.example",
        subjectAltNames: [{ value: "db.example" }, { type: "Prefix", value: "spiffe://td/" }],
        caCert: { inline: "eA==" },
        clientCert: { inlineString: "x" },
        clientKey: secret,
      }),
      verification({ mode: "SkipSAN", caCert: secret }),
      verification({ mode: "SkipCA", subjectAltNames: [{ value: "a" }] }),
      verification({ mode: "SkipAll", clientCert: secret, clientKey: secret }),
    ],
    [
      [{ endpoints }, /spec\.match: must be defined/],
      [{ match: {}, endpoints }, /spec\.match\.port: must be defined/],
      [{ match: { port: 0 }, endpoints }, /spec\.match\.port: port must be in the range/],
      [{ match: { port: 65536 }, endpoints }, /spec\.match\.port: port must be in the range/],
      [{ match: { port: 1, type: "hostnamegenerator" }, endpoints }, /did you mean `HostnameGenerator`/],
      [{ match: { port: 1, protocol: "HTTP" }, endpoints }, /spec\.match\.protocol: .*did you mean `http`/],
      [{ match: { port: 1, protocol: "kafka" }, endpoints }, /spec\.match\.protocol/],
      [{ match }, /spec\.endpoints: must have at least one endpoint/],
      [{ match, endpoints: [] }, /spec\.endpoints: must have at least one endpoint/],
      [{ match, extension: {} }, /spec\.extension\.type: must be defined/],
      [{ match, extension: { type: "" } }, /spec\.extension\.type: cannot be empty/],
      [{ match, endpoints: [{ port: 1 }] }, /endpoints\[0\]\.address: must be defined/],
      [{ match, endpoints: [{ address: "", port: 1 }] }, /endpoints\[0\]\.address: cannot be empty/],
      [{ match, endpoints: [{ address: "a b", port: 1 }] }, /endpoints\[0\]\.address: address has to be/],
      [{ match, endpoints: [{ address: "a.example" }] }, /endpoints\[0\]\.port: must be defined/],
      [
        { match, endpoints: [...endpoints, { address: "a.example", port: 0 }] },
        /endpoints\[1\]\.port: port must be in the range/,
      ],
      [
        { match, endpoints: [{ ...endpoints[0], priority: 129 }] },
        /priority: must be in the range \[0, 128\]/,
      ],
      [
        { match, endpoints: [{ ...endpoints[0], priority: -1 }] },
        /priority: must be in the range \[0, 128\]/,
      ],
      [{ match, endpoints: [{ ...endpoints[0], priority: 1.5 }] }, /priority: must be a whole number/],
      [
        { match, endpoints: [...endpoints, { address: "unix:///run/a.sock" }] },
        /endpoints\[1\]\.address: a Unix socket cannot stand beside host names/,
      ],
      [{ match, endpoints: [{ address: "unix://run/a.sock" }] }, /address: must name a socket by its whole/],
      [{ match, endpoints: [{ address: "unix://" }] }, /address: must name a socket by its whole/],
      [
        { match, endpoints: [{ address: `unix:///${"a".repeat(107)}` }] },
        /address: must name a socket by its whole path of at most 107/,
      ],
      [tls({ version: { min: "TLS13", max: "TLS12" } }), /tls\.version\.min: min must be lower than/],
      [tls({ version: { min: "TLS9" } }), /tls\.version\.min/],
      [tls({ enabled: "yes" }), /tls\.enabled/],
      [verification({ mode: "skipAll" }), /verification\.mode: .*did you mean `SkipAll`/],
      [verification({ serverName: "" }), /verification\.serverName: must be a valid DNS name/],
      [verification({ serverName: "a_b c" }), /verification\.serverName: must be a valid DNS name/],
      [
        verification({ subjectAltNames: [{ value: "a" }, { value: "" }] }),
        /subjectAltNames\[1\]\.value: cannot be empty/,
      ],
      [verification({ subjectAltNames: [{ type: "exact", value: "a" }] }), /did you mean `Exact`/],
      [
        verification({ mode: "SkipSAN", subjectAltNames: [{ value: "a" }] }),
        /subjectAltNames: must not be set when mode is SkipSAN/,
      ],
      [
        verification({ mode: "SkipAll", subjectAltNames: [{ value: "a" }], caCert: secret }),
        /subjectAltNames: must not be set when mode is SkipAll[\s\S]*caCert: must not be set when mode is SkipAll/,
      ],
      [verification({ mode: "SkipCA", caCert: secret }), /caCert: must not be set when mode is SkipCA/],
      [verification({ caCert: {} }), /verification\.caCert/],
      [verification({ caCert: { secret: "a", inline: "eA==" } }), /verification\.caCert/],
      [verification({ caCert: { inline: "%" } }), /caCert\.inline: must be base64/],
      [verification({ caCert: { file: "/ca.pem" } }), /caCert\.file: unknown field/],
      [verification({ clientCert: secret }), /clientKey: must be defined: a client certificate needs/],
      [verification({ clientKey: secret }), /clientCert: must be defined: a client certificate needs/],
      [{ match, endpoints, tsl: {} }, /spec\.tsl: unknown field, did you mean `tls`/],
    ],
  );
  assert.deepEqual(parse(meshExternalServiceKind, tls({ version: {}, verification: {} })).resource?.spec, {
    match: { type: "HostnameGenerator", port: 443, protocol: "tcp" },
    endpoints,
    tls: {
      enabled: false,
      version: { min: "TLSAuto", max: "TLSAuto" },
      allowRenegotiation: false,
      verification: { mode: "Secured" },
    },
  });
  assert.match(
    problems(meshExternalServiceKind, { match, endpoints }, "a".repeat(64)),
    /name: cannot be longer than 63/,
  );
  assert.equal(unixSocketPath("unix:///run/db.sock"), "/run/db.sock");
  assert.equal(unixSocketPath("db.example"), undefined);
});

test("MeshMultiZoneService", () => {
  const selector = { meshService: { matchLabels: { "kuma.io/display-name": "api" } } };
  check(
    meshMultiZoneServiceKind,
    [
      { selector, ports: [{ port: 80 }] },
      { selector: { meshService: {} }, ports: [{ port: 80, name: "web", appProtocol: "http" }, { port: 1 }] },
    ],
    [
      [{ ports: [{ port: 80 }] }, /spec\.selector: must be defined/],
      [{ selector: {}, ports: [{ port: 80 }] }, /spec\.selector\.meshService: must be defined/],
      [
        { selector: { meshService: { matchLabels: { "a b": "c", d: "e f" } } }, ports: [{ port: 80 }] },
        /matchLabels\["a b"\][\s\S]*matchLabels\["d"\]/,
      ],
      [
        { selector: { meshExternalService: {}, meshService: {} }, ports: [{ port: 80 }] },
        /spec\.selector\.meshExternalService: unknown field/,
      ],
      [{ selector }, /spec\.ports: must be defined/],
      [{ selector, ports: [] }, /spec\.ports: must have at least one port/],
      [{ selector, ports: [{}] }, /ports\[0\]\.port: must be defined/],
      [{ selector, ports: [{ port: 0 }] }, /ports\[0\]\.port: port must be in the range/],
      [{ selector, ports: [{ port: 80 }, { port: 80 }] }, /ports\[1\]\.port: port 80 is already defined/],
      [
        {
          selector,
          ports: [
            { port: 80, name: "a" },
            { port: 81, name: "a" },
          ],
        },
        /ports\[1\]\.name: port name "a" is already/,
      ],
      [{ selector, ports: [{ port: 80, name: "A" }] }, /ports\[0\]\.name: must consist of/],
      [{ selector, ports: [{ port: 80, targetPort: 80 }] }, /ports\[0\]\.targetPort: unknown field/],
    ],
  );
  const odd = parse(meshMultiZoneServiceKind, { selector, ports: [{ port: 80, appProtocol: "ws" }] });
  assert.match(odd.warnings[0] ?? "", /ports\[0\]\.appProtocol: "ws" is not known and is treated as tcp/);
  assert.deepEqual(parse(meshMultiZoneServiceKind, { selector, ports: [{ port: 80 }] }).resource?.spec, {
    selector,
    ports: [{ port: 80, appProtocol: "tcp" }],
  });
  assert.match(
    problems(meshMultiZoneServiceKind, { selector, ports: [{ port: 80 }] }, "a".repeat(64)),
    /name: cannot be longer than 63/,
  );
});

test("MeshIdentity", () => {
  const bundled = (conf: unknown) => ({ provider: { type: "Bundled", bundled: conf } });
  const auto = { autogenerate: { enabled: true }, insecureAllowSelfSigned: true };
  const secret = { type: "Secret", secretRef: { kind: "Secret", name: "ca" } };
  check(
    meshIdentityKind,
    [
      {},
      bundled(auto),
      bundled({ ...auto, certificateParameters: { expiry: "24h" }, meshTrustCreation: "Disabled" }),
      bundled({ ca: { certificate: secret, privateKey: { type: "File", file: { path: "/k" } } } }),
      { provider: { type: "Spire", spire: { agent: { timeout: "1s" } } } },
      { provider: { type: "Spire" } },
      { provider: { type: "Extension", extension: { name: "x", config: { a: { b: null } } } } },
      {
        selector: { dataplane: { matchLabels: {} } },
        spiffeID: {
          trustDomain: '{{ label "x" }}.{{ .Zone }}',
          path: "/ns/{{ .Namespace }}/{{ .Workload }}",
        },
      },
    ],
    [
      [bundled({ ...auto, ca: {} }), /bundled\.ca: must not be set when autogenerate is enabled/],
      [
        bundled({ autogenerate: { enabled: true } }),
        /insecureAllowSelfSigned: self-signed certificates are not allowed/,
      ],
      [bundled({}), /bundled\.ca: must be defined/],
      [bundled({ ca: { certificate: secret } }), /bundled\.ca\.privateKey: must be defined/],
      [
        bundled({ ca: { certificate: { type: "File" }, privateKey: { ...secret, file: { path: "a" } } } }),
        /certificate\.file: must be defined when[\s\S]*privateKey\.file: must not be set when type is Secret/,
      ],
      [bundled({ ...auto, certificateParameters: { expiry: "0s" } }), /expiry: must be greater than 0/],
      [{ provider: { type: "Bundled" } }, /provider\.bundled: must be defined/],
      [{ provider: { type: "Bundled", bundled: auto, spire: {} } }, /provider\.spire: must not be set/],
      [{ provider: { type: "bundled" } }, /did you mean `Bundled`/],
      [{ spiffeID: { trustDomain: "{{ .Workload }}" } }, /trustDomain: unknown variable \.Workload/],
      [{ spiffeID: { trustDomain: "UPPER" } }, /spiffeID\.trustDomain: trust domain must consist/],
      [{ spiffeID: { path: "no-slash" } }, /spiffeID\.path: path must start with/],
      [{ spiffeID: { path: "/{{ if }}" } }, /spiffeID\.path: cannot read/],
      [{ spiffeId: {} }, /spec\.spiffeId: unknown field, did you mean `spiffeID`/],
      [{ selector: { dataplane: { matchLabels: { a: "b c" } } } }, /matchLabels\["a"\]/],
    ],
  );
});

test("MeshTrust", () => {
  const value = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
  const caBundles = [{ type: "Pem", pem: { value } }];
  check(
    meshTrustKind,
    [{ trustDomain: "td.example", caBundles }],
    [
      [{ caBundles }, /spec\.trustDomain: must be defined/],
      [{ trustDomain: "", caBundles }, /spec\.trustDomain: trust domain cannot be empty/],
      [{ trustDomain: "spiffe://td", caBundles }, /spec\.trustDomain: trust domain must consist/],
      [{ trustDomain: "td", caBundles: [] }, /spec\.caBundles: must have at least one CA bundle/],
      [{ trustDomain: "td", caBundles: [{ type: "Pem" }] }, /caBundles\[0\]\.pem: must be defined/],
      [
        { trustDomain: "td", caBundles: [{ type: "Pem", pem: { value: "x" } }] },
        /caBundles\[0\]\.pem\.value: must/,
      ],
    ],
  );
  const old = parse(meshTrustKind, { trustDomain: "td", caBundles, origin: { kri: "x" } });
  assert.match(old.warnings[0] ?? "", /spec\.origin is deprecated/);
});

test("HostnameGenerator", () => {
  const selector = { meshService: { matchLabels: { "kuma.io/origin": "zone" } } };
  check(
    hostnameGeneratorKind,
    [
      { selector, template: "{{ .DisplayName }}.svc.mesh.local" },
      { selector: { meshExternalService: {} }, template: '{{ label "a/b" }}.{{ .Namespace }}.{{ .Zone }}.x' },
    ],
    [
      [{ selector }, /spec\.template: must be defined/],
      [{ selector, template: "" }, /spec\.template: cannot be empty/],
      [{ template: "a" }, /spec\.selector: must have exactly one of/],
      [
        { selector: { ...selector, meshExternalService: {} }, template: "a" },
        /spec\.selector: must have exactly/,
      ],
      [{ selector, template: "{{ .Nmae }}" }, /spec\.template: unknown variable \.Nmae/],
      [{ selector, template: "{{ .Name }}_x" }, /would give "name_x"/],
    ],
  );
});

test("Workload", () => {
  check(workloadKind, [{}], [[{ a: 1 }, /spec\.a: unknown field/]]);
  assert.match(problems(workloadKind, {}, "1a"), /name: must be a DNS-1035 label/);
});
