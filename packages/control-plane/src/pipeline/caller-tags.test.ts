import assert from "node:assert/strict";
import { test } from "node:test";
import { fragmentJson } from "./config-dump.ts";
import { Documents, ZONE } from "./testing/resources.ts";
import { World } from "./world.ts";

const dataplane = (name: string, host: number, version: string, calls: boolean) => ({
  type: "Dataplane",
  mesh: "default",
  name,
  networking: {
    address: `127.0.1.${host}`,
    inbound: [{ port: 8080, protocol: "http", tags: { "kuma.io/service": "web", version } }],
    outbound: calls ? [{ port: 10080, tags: { "kuma.io/service": "web" } }] : [],
  },
});
const faults = (effect: string | undefined, source: object) => ({
  type: "MeshFaultInjection",
  mesh: "default",
  name: "p",
  labels: effect === undefined ? {} : { "kuma.io/effect": effect },
  spec: {
    targetRef: { kind: "Dataplane", name: "quiet" },
    from: [{ targetRef: source, default: { http: [{ abort: { httpStatus: 503, percentage: 1 } }] } }],
  },
});
const V1 = { kind: "MeshSubset", tags: { version: "v1" } };

test("callers say their tags while some policy tells callers apart by them, and share all they can otherwise", () => {
  const world = new World({ zone: ZONE });
  const documents = new Documents();
  documents.put(
    world,
    { type: "Mesh", name: "default" },
    dataplane("one", 1, "v1", true),
    dataplane("two", 2, "v2", true),
    dataplane("quiet", 3, "v1", false),
  );
  const route = (name: string) =>
    [...(world.mesh("default").config.at(name).get()?.routes.values() ?? [])].find(
      (fragment) => !fragment.name.startsWith("inbound"),
    );
  const tagsOf = (name: string): string | undefined => {
    const fragment = route(name);
    return fragment && /"(&kuma[^"]*)"/.exec(JSON.stringify(fragmentJson(fragment)))?.[1];
  };
  const silent = (): void => {
    assert.equal(tagsOf("one"), undefined);
    assert.ok(route("one") !== undefined);
    assert.equal(route("one"), route("two"));
  };
  silent();
  documents.put(world, faults(undefined, V1));
  assert.equal(tagsOf("one"), "&kuma.io/service=web&&version=v1&");
  assert.equal(tagsOf("two"), "&kuma.io/service=web&&version=v2&");
  documents.put(world, faults("shadow", V1));
  silent();
  documents.put(world, faults(undefined, { kind: "Mesh" }));
  silent();
  documents.put(world, faults(undefined, V1));
  assert.notEqual(route("one"), route("two"));
  documents.delete(world, "MeshFaultInjection", "default", "p");
  silent();
});
