import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { dataplaneKind } from "./kinds/dataplane.ts";
import { meshKind } from "./kinds/mesh.ts";
import { secretKind } from "./kinds/secret.ts";
import { formatKri, kriOf, parseKri } from "./kri.ts";

test("KRIs of resources", () => {
  assert.equal(kriOf(meshKind, { mesh: "", name: "default", labels: {} }), "kri_m____default_");
  const dataplane = { mesh: "default", name: "d1", labels: { "kuma.io/zone": "zone-1" } };
  assert.equal(kriOf(dataplaneKind, dataplane, "http"), "kri_dp_default_zone-1__d1_http");
  const synced = { ...dataplane, labels: { "kuma.io/display-name": "d", "k8s.kuma.io/namespace": "ns" } };
  assert.equal(kriOf(dataplaneKind, synced), "kri_dp_default__ns_d_");
  assert.equal(kriOf(secretKind, dataplane), undefined);
});

test("a KRI needs its scheme and seven pieces; more are joined to the section", () => {
  for (const text of ["", "kri", "kri_mt_default_z__q", "xri_mt_default_z__q_", "kri__m_z_n_q_s"]) {
    assert.equal(parseKri(text), undefined, text);
  }
  assert.equal(parseKri("kri_mt_default_z__q_a_b")?.section, "ab");
});

test("a KRI survives formatting and parsing", () => {
  const part = fc.stringMatching(/^[a-z0-9.-]{0,12}$/);
  const kri = fc.record(
    {
      shortName: fc.stringMatching(/^[a-z]{1,6}$/),
      mesh: part,
      zone: part,
      namespace: part,
      name: part,
      section: part,
    },
    { noNullPrototype: true },
  );
  fc.assert(fc.property(kri, (parts) => assert.deepEqual(parseKri(formatKri(parts)), parts)));
});
