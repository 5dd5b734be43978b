import assert from "node:assert/strict";
import { test } from "node:test";
import type { Resource } from "@skein/model";
import { stored, ZONE } from "../pipeline/testing/resources.ts";
import { openMemoryStore } from "../store/memory.ts";
import { deleteWarnings } from "./deleting.ts";
import { warningsFor } from "./warnings.ts";

const generator = (name: string, kind: string, template: string, matchLabels: object = {}) => ({
  type: "HostnameGenerator",
  name,
  spec: { selector: { [kind]: { matchLabels } }, template },
});
const service = (name: string, port: number, more: object = {}) => ({
  type: "MeshService",
  mesh: "m",
  name,
  spec: { ports: [{ port }] },
  ...more,
});
const external = (name: string, more: object = {}) => ({
  type: "MeshExternalService",
  mesh: "m",
  name,
  spec: { match: { port: 443 }, endpoints: [{ address: "db.example", port: 443 }] },
  ...more,
});
const multiZone = (name: string, matchLabels: object, ...ports: readonly number[]) => ({
  type: "MeshMultiZoneService",
  mesh: "m",
  name,
  spec: { selector: { meshService: { matchLabels } }, ports: ports.map((port) => ({ port })) },
});
const named = (hostname: string, coreName = "g") => ({
  status: { addresses: [{ hostname, origin: "HostnameGenerator", hostnameGeneratorRef: { coreName } }] },
});

function resourceOf(document: object): Resource {
  const { status, ...rest } = document as { status?: unknown };
  return { ...stored(rest, 1), ...(status === undefined ? {} : { status }) };
}

async function storeOf(...documents: readonly object[]) {
  const store = openMemoryStore({ now: () => 0 });
  for (const document of documents) await store.write([{ op: "put", resource: resourceOf(document) }]);
  return store;
}

async function applied(written: object, ...documents: readonly object[]) {
  const store = await storeOf(...documents);
  return warningsFor(resourceOf(written), store, () => false);
}

async function deleted(gone: object, ...documents: readonly object[]) {
  const store = await storeOf(gone, ...documents);
  return deleteWarnings(resourceOf(gone), store, { zone: ZONE, environment: "universal" });
}

test("a service whose host name another has, be it of another kind", async () => {
  const generators = [
    generator("es", "meshExternalService", "{{ .DisplayName }}.mesh.local"),
    generator("ms", "meshService", "{{ .DisplayName }}.mesh.local"),
  ];
  assert.deepEqual(await applied(external("api"), ...generators), []);
  const other = service("api", 80, named("api.mesh.local", "ms"));
  assert.deepEqual(await applied(external("db"), ...generators, other), []);
  const younger = { ...external("api"), name: "api2", labels: { "kuma.io/display-name": "api" } };
  assert.deepEqual(await applied(younger, ...generators, external("api", named("api.mesh.local", "es"))), [
    'HostnameGenerator "es" gives it no host name: api.mesh.local is the hostname of MeshExternalService "api", which is older or named by an earlier generator',
  ]);
  const [ms, es] = [generator("a-ms", "meshService", "{{ .DisplayName }}.mesh.local"), generators[0]];
  const [warning] = await applied(external("api"), ms, es ?? {}, other);
  assert.match(warning ?? "", /is the hostname of MeshService "api"/);
});

test("a service that no generator names, or whose template gives nothing", async () => {
  assert.match(
    (await applied(external("db")))[0] ?? "",
    /^no HostnameGenerator selects this MeshExternalService/,
  );
  const broken = generator("g", "meshExternalService", '{{ label "team" }}.local');
  const [warning] = await applied(external("db"), broken);
  assert.match(warning ?? "", /^HostnameGenerator "g" gives it no host name: .*team/);
});

test("a multi-zone service that matches nothing, or has a port that nobody has", async () => {
  const mz = generator("mz", "meshMultiZoneService", "{{ .DisplayName }}.mzsvc.mesh.local");
  const api = service("api", 80);
  const web = service("web", 8080, { labels: { team: "x" } });
  assert.deepEqual(await applied(multiZone("all", {}, 80, 8080), mz, api, web), []);
  assert.deepEqual(await applied(multiZone("api", { "kuma.io/display-name": "api" }, 80), mz, api), []);
  assert.deepEqual(await applied(multiZone("none", { team: "y" }, 80), mz, api, web), [
    "spec.selector.meshService.matchLabels finds none of the MeshServices that are there now",
  ]);
  assert.deepEqual(await applied(multiZone("all", {}, 80, 81), mz, api, web), [
    "spec.ports[1].port: none of the 2 MeshServices that it selects has a port 81; they have 80, 8080",
  ]);
});

test("a generator that names nothing, or whose names are taken", async () => {
  const services = [service("a", 80, { labels: { team: "x" } }), service("b", 80)];
  const label = (value: string) => generator("g", "meshService", "{{ .Name }}.local", { team: value });
  assert.deepEqual(await applied(label("x"), ...services), []);
  assert.deepEqual(await applied(label("y"), ...services), [
    "spec.selector finds none of the 2 MeshServices that are there now",
  ]);
  assert.deepEqual(await applied(label("y")), [], "there is nothing to name yet");
  const fixed = generator("g", "meshService", "one.local");
  const [warning, ...more] = await applied(fixed, ...services, service("c", 80));
  assert.deepEqual(more, []);
  assert.match(
    warning ?? "",
    /^2 of 3 services in mesh "m" get no name from it: MeshService "b": one\.local is the hostname of MeshService "a".*, and 1 more$/,
  );
  const extension = {
    ...generator("g", "meshService", ""),
    spec: { selector: { meshService: {} }, template: "", extension: { type: "Route53" } },
  };
  assert.match((await applied(extension, ...services))[0] ?? "", /there is no extension "Route53"/);
});

test("a service's port whose target nobody has", async () => {
  const generators = [generator("ms", "meshService", "{{ .Name }}.local")];
  const dataplane = {
    type: "Dataplane",
    mesh: "m",
    name: "d",
    labels: { app: "a" },
    networking: { address: "10.0.0.1", inbound: [{ port: 80, name: "main" }] },
  };
  const selecting = (...ports: readonly object[]) =>
    service("a", 80, { spec: { selector: { dataplaneLabels: { matchLabels: { app: "a" } } }, ports } });
  assert.deepEqual(
    await applied(selecting({ port: 80 }, { port: 81, targetPort: "main" }), ...generators, dataplane),
    [],
  );
  assert.deepEqual(
    await applied(selecting({ port: 81 }, { port: 82, targetPort: "admin" }), ...generators, dataplane),
    [
      "spec.ports[0].targetPort is not set, so it is 81, and none of the dataplanes that it selects has an inbound with that port",
      "spec.ports[1].targetPort: none of the dataplanes that it selects has an inbound admin",
    ],
  );
});

test("a service that is deleted while dataplanes call it, or while a multi-zone service has no other", async () => {
  const caller = (name: string, kind: string) => ({
    type: "Dataplane",
    mesh: "m",
    name,
    networking: {
      address: "10.0.0.1",
      outbound: [{ port: 10001, backendRef: { kind, name: "db", port: 443 } }],
    },
  });
  assert.deepEqual(await deleted(external("db"), caller("a", "MeshExternalService")), [
    "1 dataplane has an outbound to it, and calls there fail without it: a",
  ]);
  assert.deepEqual(await deleted(external("db"), caller("a", "MeshService")), []);
  const all = multiZone("all", {}, 80);
  assert.deepEqual(await deleted(service("a", 80), all), [
    'it is the last MeshService of MeshMultiZoneService "all", which leads nowhere without it',
  ]);
  assert.deepEqual(await deleted(service("a", 80), all, service("b", 80)), []);
});

test("a generator that is deleted while services have their names from it", async () => {
  const g = generator("g", "meshService", "{{ .Name }}.local");
  assert.deepEqual(await deleted(g, service("a", 80, named("a.local", "other"))), []);
  const [warning] = await deleted(g, service("a", 80, named("a.local")), service("b", 80, named("b.local")));
  assert.match(warning ?? "", /^2 services have their host names from it.*MeshService "a" \(a\.local\), …$/);
});
