import assert from "node:assert/strict";
import { test } from "node:test";
import { policyKinds } from "@skein/policies/kinds";
import { stored } from "../pipeline/testing/resources.ts";
import { openMemoryStore } from "../store/memory.ts";
import { warningsFor } from "./warnings.ts";

const mesh = (routing: object, mode = "Exclusive") => ({
  type: "Mesh",
  name: "m",
  meshServices: { mode },
  routing,
});
const egress = (more: object = {}, type = "ZoneEgress") => ({
  type: "Dataplane",
  mesh: "m",
  name: "egress",
  labels: { app: "egress" },
  networking: { address: "127.0.1.9", listeners: [{ type, port: 10002 }], ...more },
});
const identity = (
  app: string,
  provider: object = {
    provider: {
      type: "Bundled",
      bundled: { autogenerate: { enabled: true }, insecureAllowSelfSigned: true },
    },
  },
) => ({
  type: "MeshIdentity",
  mesh: "m",
  name: app,
  spec: { selector: { dataplane: { matchLabels: { app } } }, ...provider },
});
const pay = {
  type: "MeshExternalService",
  mesh: "m",
  name: "pay",
  spec: {
    match: { type: "HostnameGenerator", port: 443 },
    endpoints: [{ address: "pay.example", port: 443 }],
  },
};
const permission = (sni: string) => ({
  type: "MeshTrafficPermission",
  mesh: "m",
  name: "p",
  spec: {
    targetRef: {
      kind: "Dataplane",
      labels: { "kuma.io/listener-zoneegress": "enabled" },
      sectionName: "10002",
    },
    rules: [{ default: { allow: [{ sni: { type: "Exact", value: sni } }] } }],
  },
});

const web = {
  type: "Dataplane",
  mesh: "m",
  name: "web",
  labels: { app: "web" },
  networking: { address: "127.0.0.1" },
};
const atEgress = (
  type: string,
  spec: object,
  targetRef: object = { kind: "Dataplane", labels: { app: "egress" } },
) => ({
  type,
  mesh: "m",
  name: "p",
  spec: { targetRef, ...spec },
});
const opa = { default: { appendPolicies: [{ rego: { inlineString: "package a\nallow := true" } }] } };
const together = {
  from: [{ targetRef: { kind: "Mesh" }, default: { http: { requestRate: { num: 1, interval: "1s" } } } }],
};

const cases: readonly [
  about: string,
  written: object,
  there: readonly object[],
  expected: readonly RegExp[],
][] = [
  ["an egress that listens", egress(), [mesh({}), identity("egress")], []],
  [
    "one in another kind of mesh",
    egress(),
    [mesh({}, "Everywhere"), identity("egress")],
    [/^networking\.listeners\[0\]: nothing listens for ZoneEgress, as meshServices\.mode of Mesh "m" is not/],
  ],
  [
    "one whose identity is for others",
    egress(),
    [mesh({}), identity("web")],
    [/listeners\[0\]: .* no MeshIdentity selects this proxy/],
  ],
  [
    "one whose identity gives out no certificates",
    egress(),
    [mesh({}), identity("egress", {})],
    [/listeners\[0\]: .* no MeshIdentity selects this proxy/],
  ],
  ["an ingress", egress({}, "ZoneIngress"), [mesh({})], [/listeners\[0\]: zone ingresses are not available/]],
  [
    "an outbound at its place",
    egress({
      outbound: [
        { address: "127.0.1.9", port: 10002, backendRef: { kind: "MeshExternalService", name: "pay" } },
      ],
    }),
    [mesh({}), identity("egress"), pay],
    [/outbound\[0\]: 127\.0\.1\.9:10002 is taken by networking\.listeners\[0\] already/],
  ],
  ["a mesh without external services", mesh({ zoneEgress: true }), [], []],
  ["a mesh with an egress", mesh({ zoneEgress: true }), [pay, egress()], []],
  [
    "a mesh without one",
    mesh({ zoneEgress: true }),
    [pay],
    [/^routing\.zoneEgress: no Dataplane .* nothing is sent to 1 external service, pay$/],
  ],
  [
    "what an egress does anyway",
    mesh({ zoneEgress: true, defaultForbidMeshExternalServiceAccess: true }),
    [],
    [/^routing\.defaultForbidMeshExternalServiceAccess: has no effect with zoneEgress: true/],
  ],
  ["a service with an egress", pay, [mesh({ zoneEgress: true }), egress()], []],
  [
    "the name of a service",
    permission("sni.extsvc.m.east.pay.443"),
    [mesh({}), egress(), identity("egress"), pay],
    [],
  ],
  [
    "the name of none",
    permission("sni.extsvc.m.east.pya.443"),
    [mesh({}), egress(), identity("egress"), pay],
    [
      /^spec\.rules\[0\]\.default\.allow\[0\]\.sni: no MeshExternalService .* "sni\.extsvc\.m\.east\.pya\.443" now/,
    ],
  ],
  [
    "an agent for an egress",
    atEgress("MeshOPA", opa),
    [mesh({}), egress(), web],
    [
      /^spec\.targetRef: selects 1 dataplane by which others leave the mesh, egress, and has no effect on what leaves there; a MeshTrafficPermission says who leaves$/,
    ],
  ],
  [
    "a limit of all egresses together",
    atEgress("MeshGlobalRateLimit", together),
    [mesh({}), egress(), web],
    [/^spec\.targetRef: selects 1 dataplane by which .* a MeshRateLimit limits what each egress lets out$/],
  ],
  [
    "an agent for everybody of whom none is anything but an egress",
    atEgress("MeshOPA", opa, { kind: "Mesh" }),
    [mesh({}), egress()],
    [/^spec\.targetRef: selects 1 dataplane by which others leave the mesh/],
  ],
  ["an agent for everybody", atEgress("MeshOPA", opa, { kind: "Mesh" }), [mesh({}), egress(), web], []],
  [
    "a limit of each egress",
    atEgress("MeshRateLimit", { rules: [{ default: { local: together.from[0]?.default } }] }),
    [mesh({}), egress(), web],
    [],
  ],
];

const isPolicy = new Set(policyKinds.map(({ type }) => type));

for (const [about, written, there, expected] of cases) {
  test(about, async () => {
    const store = openMemoryStore({ now: () => 0 });
    for (const document of there) await store.write([{ op: "put", resource: stored(document, 1) }]);
    const warnings = warningsFor(stored(written, 2), store, (type) => isPolicy.has(type)).filter(
      (each) => !each.includes("host name"),
    );
    assert.equal(warnings.length, expected.length, warnings.join("\n"));
    for (const [i, pattern] of expected.entries()) assert.match(warnings[i] ?? "", pattern);
  });
}
