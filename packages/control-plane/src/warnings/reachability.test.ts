import assert from "node:assert/strict";
import { test } from "node:test";
import { stored } from "../pipeline/testing/resources.ts";
import { openMemoryStore } from "../store/memory.ts";
import type { Store } from "../store/store.ts";
import { warningsFor } from "./warnings.ts";

type Document = Readonly<Record<string, unknown>>;

const mesh = (mode?: string): Document => ({
  type: "Mesh",
  name: "default",
  ...(mode === undefined ? {} : { meshServices: { mode } }),
});
const dataplane = (lists: Document | undefined, outbound: readonly Document[] = []): Document => ({
  type: "Dataplane",
  mesh: "default",
  name: "web",
  networking: {
    address: "127.0.1.1",
    inbound: [{ port: 8080, tags: { "kuma.io/service": "web" } }],
    outbound,
    ...(lists === undefined ? {} : { transparentProxying: { redirectPortOutbound: 15_001, ...lists } }),
  },
});
const service: Document = {
  type: "MeshService",
  mesh: "default",
  name: "api",
  labels: { team: "x", "kuma.io/managed-by": "meshservice-generator" },
  spec: { selector: { dataplaneTags: { "kuma.io/service": "api" } }, ports: [{ port: 80, targetPort: 80 }] },
};
const identity: Document = {
  type: "MeshIdentity",
  mesh: "default",
  name: "ids",
  spec: {
    selector: { dataplane: { matchLabels: {} } },
    provider: {
      type: "Bundled",
      bundled: { autogenerate: { enabled: true }, insecureAllowSelfSigned: true },
    },
  },
};

async function storeOf(...documents: readonly Document[]): Promise<Store> {
  const store = openMemoryStore({ now: () => 0 });
  await store.write(documents.map((each, i) => ({ op: "put", resource: stored(each, i + 1) })));
  return store;
}

/** The fields that are warned of. */
async function fields(written: Document, ...there: readonly Document[]): Promise<readonly string[]> {
  const store = await storeOf(...there);
  return warningsFor(stored(written, 99), store, () => false).map((line) => line.split(": ")[0] ?? "");
}

const AT = "networking.transparentProxying";
const ref = (name: string) => ({ kind: "MeshService", name });
const backends = (...names: readonly string[]): Document => ({ reachableBackends: { refs: names.map(ref) } });

const lists: readonly [mode: string | undefined, lists: Document, expected: readonly string[]][] = [
  ["Exclusive", {}, []],
  ["Exclusive", backends("api"), []],
  ["Exclusive", { reachableBackends: { refs: [{ kind: "MeshService", labels: { team: "x" } }] } }, []],
  ["Exclusive", { reachableBackends: { refs: [] } }, []],
  ["Exclusive", backends("api", "apo"), [`${AT}.reachableBackends.refs[1]`]],
  [
    "Exclusive",
    { reachableBackends: { refs: [{ kind: "MeshService", labels: { team: "y" } }] } },
    [`${AT}.reachableBackends.refs[0]`],
  ],
  [
    "Exclusive",
    { reachableBackends: { refs: [{ kind: "MeshExternalService", name: "api" }] } },
    [`${AT}.reachableBackends.refs[0]`],
  ],
  ["Exclusive", { reachableServices: ["web"] }, [`${AT}.reachableServices`, `${AT}.reachableServices`]],
  ["Everywhere", { reachableServices: ["web"] }, [`${AT}.reachableServices`]],
  ["Everywhere", { reachableServices: ["web"], ...backends("api") }, []],
  ["Everywhere", { reachableServices: ["wbe"], ...backends("api") }, [`${AT}.reachableServices[0]`]],
  ["Disabled", { reachableServices: ["web"] }, []],
  [undefined, { reachableServices: ["web"] }, []],
  ["Disabled", backends("api"), [`${AT}.reachableBackends`]],
  [undefined, backends("nobody"), [`${AT}.reachableBackends`]],
  ["ReachableBackends", {}, [`${AT}.reachableBackends`]],
  ["ReachableBackends", backends("api"), []],
];

for (const [mode, given, expected] of lists) {
  test(`a Dataplane in mode ${mode ?? "of its own"} that says ${JSON.stringify(given)}`, async () => {
    assert.deepEqual(await fields(dataplane(given), mesh(mode), service), expected);
  });
}

const MODE = "meshServices.mode";
const toApi = [{ port: 10_080, backendRef: { kind: "MeshService", name: "api", port: 80 } }];
const modes: readonly [about: string, mode: string, there: readonly Document[], expected: number][] = [
  ["without anybody", "Disabled", [], 0],
  ["Exclusive with a list of tags", "Exclusive", [dataplane({ reachableServices: ["web"] })], 1],
  [
    "Exclusive with both lists",
    "Exclusive",
    [dataplane({ reachableServices: ["web"], ...backends("api") })],
    0,
  ],
  ["Everywhere with a list of tags", "Everywhere", [dataplane({ reachableServices: ["web"] })], 0],
  ["ReachableBackends without a list", "ReachableBackends", [dataplane({})], 1],
  ["ReachableBackends with a list", "ReachableBackends", [dataplane(backends("api"))], 0],
  ["ReachableBackends without transparent proxies", "ReachableBackends", [dataplane(undefined)], 0],
  ["Disabled with reachable backends", "Disabled", [dataplane(backends("api"))], 1],
  ["Disabled with outbounds to generated services", "Disabled", [service, dataplane(undefined, toApi)], 1],
  [
    "Disabled with outbounds to a user's services",
    "Disabled",
    [{ ...service, labels: {} }, dataplane(undefined, toApi)],
    0,
  ],
  ["Everywhere with an identity that issues", "Everywhere", [identity], 1],
  ["Exclusive with an identity that issues", "Exclusive", [identity], 0],
];

for (const [about, mode, there, expected] of modes) {
  test(`a Mesh becomes ${about}`, async () => {
    assert.deepEqual(await fields(mesh(mode), ...there), Array(expected).fill(MODE));
  });
}
