import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import type { MeshTrustSpec, MeshTrustStatus } from "@skein/model/kinds/mesh-trust";
import type { NewResource, Resource } from "@skein/model/resource";
import { desiredMeshTrust, trustBundle } from "./mesh-trust.ts";
import { newCa } from "./testing.ts";

const key = { type: "MeshIdentity", mesh: "default", name: "identity" };
const kri = "kri_mid_default_zone-1__identity_";
const one = (await newCa("td")).certificatePem;
const two = (await newCa("td")).certificatePem;

function stored(
  trust: NewResource<MeshTrustSpec, MeshTrustStatus>,
): Resource<MeshTrustSpec, MeshTrustStatus> {
  return { ...trust, creationTime: "", modificationTime: "", revision: 1 };
}

function pems(trust: NewResource<MeshTrustSpec> | undefined): readonly string[] | undefined {
  return trust?.spec.caBundles.map(({ pem }) => pem?.value ?? "");
}

test("the first MeshTrust has the identity's name, no labels, its CA and its origin", () => {
  assert.deepEqual(desiredMeshTrust({ key, kri, trustDomain: "td", caPem: one }, undefined), {
    type: "MeshTrust",
    mesh: "default",
    name: "identity",
    labels: {},
    spec: { trustDomain: "td", caBundles: [{ type: "Pem", pem: { value: one } }] },
    status: { origin: { kri } },
  });
});

test("a changed CA is appended, nothing is ever removed, and what is there is not written again", () => {
  const first = desiredMeshTrust({ key, kri, trustDomain: "td", caPem: one }, undefined);
  assert.ok(first);
  assert.equal(desiredMeshTrust({ key, kri, trustDomain: "td", caPem: one }, stored(first)), undefined);
  const respelled = `${new X509Certificate(one).toString().replaceAll("\n", "\r\n")}\n`;
  assert.equal(desiredMeshTrust({ key, kri, trustDomain: "td", caPem: respelled }, stored(first)), undefined);
  const second = desiredMeshTrust({ key, kri, trustDomain: "other", caPem: two }, stored(first));
  assert.deepEqual(pems(second), [one, two]);
  assert.equal(second?.spec.trustDomain, "td");
  assert.ok(second);
  assert.equal(desiredMeshTrust({ key, kri, trustDomain: "td", caPem: one }, stored(second)), undefined);
});

test("the bundle of a mesh joins domains, sorts them, and does not depend on the order of its inputs", () => {
  const trust = (trustDomain: string, ...values: string[]): MeshTrustSpec => ({
    trustDomain,
    caBundles: values.map((value) => ({ type: "Pem", pem: { value } })),
  });
  const legacy = { mesh: "default", caPems: [two] };
  const bundle = trustBundle([trust("z", one), trust("a", two), trust("z", two, one)], legacy);
  assert.deepEqual(
    bundle.map(({ name, pem }) => [name, pem.match(/BEGIN/g)?.length]),
    [
      ["a", 1],
      ["default", 1],
      ["z", 2],
    ],
  );
  assert.deepEqual(trustBundle([trust("z", two, one), trust("z", one), trust("a", two)], legacy), bundle);
  assert.deepEqual(trustBundle([trust("broken", "nothing")], undefined), []);
  assert.ok(bundle.every(({ pem }) => pem.endsWith("-----END CERTIFICATE-----\n")));
});
