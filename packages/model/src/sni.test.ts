import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isHostName } from "./address.ts";
import { meshServiceKind } from "./kinds/mesh-service.ts";
import { formatOldSni, formatSni, sniOf } from "./sni.ts";

test("the old form hashes name and mesh", () => {
  const sni = (mesh: string, name: string): string =>
    formatOldSni({ shortName: "msvc", mesh, name, port: 8080 });
  assert.equal(sni("demo", "backend"), "ae10a8071b8a8eeb8.backend.8080.demo.ms");
  assert.equal(sni("kong-air-mesh", "check-in-api"), "aa239b5321152f98a.check-in-api.8080.kong-air-mesh.ms");
});

test("the old form cuts long names to a DNS label and stays unique", () => {
  const names = ["a".repeat(70), `${"a".repeat(69)}b`];
  const snis = names.map((name) => formatOldSni({ shortName: "mzsvc", mesh: "m", name, port: 1 }));
  assert.equal(snis[0]?.split(".")[1], `${"a".repeat(62)}x`);
  assert.notEqual(snis[0], snis[1]);
  assert.match(snis[0] ?? "", /^a[0-9a-f]{16}\..*\.mzms$/);
});

test("the new form names zone and namespace where there are any", () => {
  const subject = { shortName: "msvc", mesh: "m", zone: "", namespace: "", name: "svc", section: "80" };
  assert.equal(formatSni(subject), "sni.msvc.m.svc.80");
  assert.equal(formatSni({ ...subject, zone: "z1" }), "sni.msvc.m.z1.svc.80");
  assert.equal(formatSni({ ...subject, zone: "z1", namespace: "ns" }), "sni.msvc.m.z1.ns.svc.80");
  assert.equal(formatSni({ ...subject, namespace: "ns" }), "sni.msvc.m.svc.80");
});

test("a resource's SNI uses its display name and its port's name", () => {
  const resource = {
    mesh: "m",
    name: "svc-x7f",
    labels: { "kuma.io/display-name": "svc", "kuma.io/zone": "z1" },
  };
  assert.equal(sniOf(meshServiceKind, resource, { port: 80, name: "main" }), "sni.msvc.m.z1.svc.main");
  assert.equal(sniOf(meshServiceKind, resource, { port: 80 }), "sni.msvc.m.z1.svc.80");
});

test("every SNI is a host name", () => {
  const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/);
  fc.assert(
    fc.property(label, label, label, (mesh, zone, name) => {
      const sni = formatSni({ shortName: "extsvc", mesh, zone, namespace: "", name, section: "80" });
      assert.equal(isHostName(sni), true);
      assert.equal(isHostName(formatOldSni({ shortName: "extsvc", mesh, name, port: 80 })), true);
    }),
  );
});
