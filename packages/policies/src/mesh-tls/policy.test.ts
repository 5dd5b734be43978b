import assert from "node:assert/strict";
import { test } from "node:test";
import { TlsParametersSchema } from "@skein/envoy-api/envoy/extensions/transport_sockets/tls/v3/common_pb";
import { inboundDraft, json, outboundDraft } from "../testing/drafts.ts";
import { destination, valid } from "../testing/resources.ts";
import { meshTls } from "./policy.ts";

const rules = (conf: unknown, name = "p", targetRef: unknown = { kind: "Mesh" }) =>
  valid(meshTls.kind, { targetRef, rules: [{ default: conf }] }, { name });

function params(...policies: ReturnType<typeof rules>[]): readonly unknown[] {
  const plans = [
    meshTls.planInbound?.({
      policies,
      mesh: "default",
      service: "web",
      protocol: "http",
      callers: "identity",
    }),
    meshTls.planOutbound?.({ policies, destination: destination(), routes: [] }),
  ];
  const [inbound, outbound] = [inboundDraft(), outboundDraft()];
  meshTls.translateInbound?.(plans[0], inbound);
  meshTls.translateOutbound?.(plans[1], outbound);
  return [inbound, outbound].map(({ tlsParams }) =>
    tlsParams === undefined ? undefined : json(TlsParametersSchema, tlsParams),
  );
}

const cases: readonly [about: string, conf: unknown, expected: unknown][] = [
  ["a mode says nothing about versions", { mode: "Strict" }, undefined],
  ["no ciphers are no choice", { tlsCiphers: [] }, undefined],
  ["min alone counts", { tlsVersion: { min: "TLS13" } }, { tlsMinimumProtocolVersion: "TLSv1_3" }],
  ["max alone counts", { tlsVersion: { max: "TLS12" } }, { tlsMaximumProtocolVersion: "TLSv1_2" }],
  [
    "both ends",
    { tlsVersion: { min: "TLS12", max: "TLS13" } },
    { tlsMinimumProtocolVersion: "TLSv1_2", tlsMaximumProtocolVersion: "TLSv1_3" },
  ],
  [
    "ciphers",
    { tlsCiphers: ["ECDHE-RSA-AES256-GCM-SHA384"] },
    { cipherSuites: ["ECDHE-RSA-AES256-GCM-SHA384"] },
  ],
];

for (const [about, conf, expected] of cases) {
  test(`MeshTLS: ${about}, on both sides`, () => assert.deepEqual(params(rules(conf)), [expected, expected]));
}

test("no policy: Envoy's own choice", () => assert.deepEqual(params(), [undefined, undefined]));

test("the more specific policy decides the mode, the mesh-wide one the versions", () => {
  const plan = meshTls.planInbound?.({
    policies: [
      rules({ mode: "Permissive" }, "z", { kind: "Dataplane", labels: { a: "b" } }),
      rules({ mode: "Strict", tlsVersion: { min: "TLS13" } }, "a"),
    ],
    mesh: "default",
    service: "web",
    protocol: "http",
    callers: "identity",
  });
  assert.equal(plan?.conf.mode, "Permissive");
  assert.equal(plan?.conf.tlsVersion?.min, "TLS13");
  assert.equal(plan?.origins.mode?.policy, "kri_mtls_default___z_");
});
