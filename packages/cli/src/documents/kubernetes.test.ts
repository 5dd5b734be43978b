import assert from "node:assert/strict";
import { test } from "node:test";
import { convertKubernetes, isKubernetesShaped } from "./kubernetes.ts";

const kinds = (type: string) =>
  (({ Mesh: { shape: "flat", scope: "Global" }, Dataplane: { shape: "flat", scope: "Mesh" } }) as const)[
    type as "Mesh"
  ];

test("flat kinds lose their spec, global ones have no mesh", () => {
  const object = {
    apiVersion: "kuma.io/v1alpha1",
    kind: "Mesh",
    metadata: { name: "m" },
    spec: { mtls: {} },
  };
  const { content, original } = convertKubernetes(object, kinds);
  assert.deepEqual(content, { type: "Mesh", name: "m", mtls: {} });
  assert.deepEqual(original(["mtls", "backends", 0]), ["spec", "mtls", "backends", 0]);
  assert.deepEqual(original(["name"]), ["metadata", "name"]);
});

test("the mesh stands in the root, in a label, or is default", () => {
  const object = { apiVersion: "kuma.io/v1alpha1", kind: "Dataplane", metadata: { name: "d" }, spec: {} };
  assert.equal(convertKubernetes(object, kinds).content.mesh, "default");
  assert.equal(convertKubernetes({ ...object, mesh: "a" }, kinds).content.mesh, "a");
  const labelled = { ...object, metadata: { name: "d", labels: { "kuma.io/mesh": "b" } } };
  const { content, original } = convertKubernetes(labelled, kinds);
  assert.deepEqual(content, { type: "Dataplane", mesh: "b", name: "d" });
  assert.deepEqual(original(["mesh"]), ["metadata", "labels", "kuma.io/mesh"]);
});

test("unknown fields beside spec stay unknown fields, annotations are a warning", () => {
  const object = {
    apiVersion: "kuma.io/v1alpha1",
    kind: "Mesh",
    metadata: { name: "m", uid: "1", annotations: { a: "b" } },
    sepc: {},
    status: { x: 1 },
  };
  const { content, original, warnings } = convertKubernetes(object, kinds);
  assert.deepEqual(content, { type: "Mesh", name: "m", sepc: {} });
  assert.deepEqual(original(["sepc"]), ["sepc"]);
  assert.deepEqual(warnings, ["metadata.annotations has no counterpart outside Kubernetes and is left out"]);
});

test("secrets, plain or encoded, of a mesh or global", () => {
  const secret = {
    apiVersion: "v1",
    kind: "Secret",
    type: "system.kuma.io/secret",
    metadata: { name: "s" },
    data: { value: "YQ==" },
  };
  assert.equal(isKubernetesShaped(secret), true);
  assert.deepEqual(convertKubernetes(secret, kinds).content, {
    type: "Secret",
    mesh: "default",
    name: "s",
    data: "YQ==",
  });
  const global = {
    ...secret,
    type: "system.kuma.io/global-secret",
    data: undefined,
    stringData: { value: "a" },
  };
  assert.deepEqual(convertKubernetes(global, kinds).content, {
    type: "GlobalSecret",
    name: "s",
    data: "YQ==",
  });
});

test("universal documents are left alone", () => {
  assert.equal(isKubernetesShaped({ type: "Mesh", name: "m" }), false);
  assert.equal(isKubernetesShaped({ kind: "Mesh", name: "m" }), false);
});
