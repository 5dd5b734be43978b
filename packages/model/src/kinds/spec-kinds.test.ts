import assert from "node:assert/strict";
import { test } from "node:test";
import type { KindDefinition } from "../kind.ts";
import { parseResource } from "../parse.ts";
import { hostnameGeneratorKind } from "./hostname-generator.ts";
import { meshIdentityKind } from "./mesh-identity.ts";
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
