import assert from "node:assert/strict";
import { test } from "node:test";
import { stored, ZONE } from "../pipeline/testing/resources.ts";
import { openMemoryStore } from "../store/memory.ts";
import { deleteWarnings } from "./deleting.ts";
import { warningsFor } from "./warnings.ts";

const GENERATOR = {
  type: "HostnameGenerator",
  name: "g",
  spec: { selector: { meshExternalService: { matchLabels: {} } }, template: "{{ .Name }}.local" },
};
const external = (spec: object) => ({
  type: "MeshExternalService",
  mesh: "m",
  name: "pay",
  spec: { match: { port: 443 }, endpoints: [{ address: "pay.example", port: 443 }], ...spec },
});
const tls = (verification: object) => external({ tls: { enabled: true, verification } });
const mesh = (routing: object) => ({ type: "Mesh", name: "m", routing });
const secret = { type: "Secret", mesh: "m", name: "ca", data: "" };

async function storeOf(...documents: readonly object[]) {
  const store = openMemoryStore({ now: () => 0 });
  for (const document of [GENERATOR, ...documents]) {
    await store.write([{ op: "put", resource: stored(document, 1) }]);
  }
  return store;
}

const cases: readonly [
  about: string,
  written: object,
  there: readonly object[],
  expected: readonly RegExp[],
][] = [
  ["nothing is wrong", tls({ caCert: { secret: "ca" } }), [secret, mesh({})], []],
  [
    "a secret that is missing",
    tls({ caCert: { secret: "ca" } }),
    [],
    [/caCert\.secret: there is no Secret "ca" now/],
  ],
  [
    "an egress that is not there",
    external({}),
    [mesh({ zoneEgress: true })],
    [/routing\.zoneEgress: true and no zone egress/],
  ],
  [
    "TLS that is described and not on",
    external({ tls: { verification: {} } }),
    [],
    [/spec\.tls\.enabled is not true/],
  ],
  [
    "an extension",
    external({ extension: { type: "Lambda" } }),
    [],
    [/spec\.extension: "Lambda" is not known/],
  ],
  [
    "names that nobody vouches for",
    tls({ mode: "SkipCA", subjectAltNames: [{ value: "pay.example" }] }),
    [],
    [/nobody is verified.*subjectAltNames have no effect/],
  ],
  [
    "a CA that is none",
    tls({ caCert: { inlineString: "x" } }),
    [],
    [/caCert holds no certificate in PEM form/],
  ],
];

for (const [about, written, there, expected] of cases) {
  test(`a MeshExternalService is written: ${about}`, async () => {
    const warnings = warningsFor(stored(written, 2), await storeOf(...there), () => false);
    assert.equal(warnings.length, expected.length, warnings.join("\n"));
    for (const [i, pattern] of expected.entries()) assert.match(warnings[i] ?? "", pattern);
  });
}

test("a rule about an external service that is not there, or that speaks bytes", async () => {
  const timeout = {
    type: "MeshTimeout",
    mesh: "m",
    name: "t",
    spec: {
      to: [
        {
          targetRef: { kind: "MeshExternalService", name: "pay" },
          default: { http: { requestTimeout: "1s" } },
        },
      ],
    },
  };
  const warnings = async (...there: readonly object[]) =>
    warningsFor(stored(timeout, 2), await storeOf(...there), () => true);
  assert.deepEqual(await warnings(), [
    "spec.to[0].targetRef: there is no such MeshExternalService now, so this rule has no effect",
  ]);
  assert.deepEqual(await warnings(external({})), [
    'spec.to[0].default: MeshExternalService "pay" speaks tcp only, so its HTTP part has no effect; set match.protocol',
  ]);
  assert.deepEqual(await warnings(external({ match: { port: 443, protocol: "http" } })), []);
});

test("a secret is deleted that an external service is called with", async () => {
  const deleted = async (...there: readonly object[]) =>
    deleteWarnings(stored(secret, 1), await storeOf(secret, ...there), {
      zone: ZONE,
      environment: "universal",
    });
  assert.deepEqual(await deleted(tls({ caCert: { secret: "other" } })), []);
  assert.deepEqual(await deleted(tls({ caCert: { secret: "ca" } })), [
    'MeshExternalService "pay" reads it, and nothing is sent there without it',
  ]);
});
