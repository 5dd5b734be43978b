import assert from "node:assert/strict";
import { test } from "node:test";
import { meshKind } from "./kinds/mesh.ts";
import { meshServiceKind } from "./kinds/mesh-service.ts";
import { secretKind } from "./kinds/secret.ts";
import { toApiJson } from "./serialize.ts";

const stored = {
  creationTime: "2025-01-01T00:00:00Z",
  modificationTime: "2025-01-02T00:00:00Z",
  revision: 7,
  labels: { "kuma.io/zone": "z1" },
};

test("a spec kind: documented key order, SNIs by port, empty status", () => {
  const json = toApiJson(meshServiceKind, {
    ...stored,
    type: "MeshService",
    mesh: "m",
    name: "web",
    spec: {
      state: "Available",
      ports: [
        { port: 8081, name: "admin", appProtocol: "http" },
        { port: 80, appProtocol: "tcp" },
      ],
    },
  });
  assert.equal(
    JSON.stringify(json),
    JSON.stringify({
      type: "MeshService",
      mesh: "m",
      name: "web",
      creationTime: "2025-01-01T00:00:00Z",
      modificationTime: "2025-01-02T00:00:00Z",
      labels: { "kuma.io/zone": "z1" },
      kri: "kri_msvc_m_z1__web_",
      snis: [
        { port: 80, sni: "sni.msvc.m.z1.web.80" },
        { port: 8081, sni: "sni.msvc.m.z1.web.admin" },
      ],
      spec: {
        state: "Available",
        ports: [
          { port: 8081, name: "admin", appProtocol: "http" },
          { port: 80, appProtocol: "tcp" },
        ],
      },
      status: {},
    }),
  );
});

test("a flat kind of global scope: no mesh, no spec, no empty labels; extra keys at the end", () => {
  const mesh = {
    type: "Mesh",
    mesh: "",
    name: "m",
    labels: {},
    spec: { meshServices: { mode: "Exclusive" as const } },
  };
  assert.deepEqual(Object.entries(toApiJson(meshKind, mesh, { more: 1 })), [
    ["type", "Mesh"],
    ["name", "m"],
    ["kri", "kri_m____m_"],
    ["meshServices", { mode: "Exclusive" }],
    ["more", 1],
  ]);
});

test("a kind without a short name has no KRI", () => {
  const secret = { ...stored, type: "Secret", mesh: "m", name: "s", spec: { data: "YQ==" } };
  assert.equal("kri" in toApiJson(secretKind, secret), false);
});
