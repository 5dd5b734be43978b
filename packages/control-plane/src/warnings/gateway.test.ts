import assert from "node:assert/strict";
import { test } from "node:test";
import { stored } from "../pipeline/testing/resources.ts";
import { openMemoryStore } from "../store/memory.ts";
import { deleteWarnings } from "./deleting.ts";
import { warningsFor } from "./warnings.ts";

const edge = (tags?: object, type = "BUILTIN") => ({
  ...{ type: "Dataplane", mesh: "m", name: "edge-1" },
  networking: { address: "127.0.1.1", gateway: { type, ...(tags === undefined ? {} : { tags }) } },
});
const EDGE = edge({ "kuma.io/service": "edge", tier: "outer" });
const HTTP = { port: 80, protocol: "HTTP" };
const gateway = (listeners: readonly object[] = [HTTP], match: object = {}, name = "g") => ({
  ...{ type: "MeshGateway", mesh: "m", name },
  selectors: [{ match: { "kuma.io/service": "edge", ...match } }],
  conf: { listeners },
});
const route = (hostnames?: readonly string[], tags?: object, name = "g") => ({
  ...{ type: "MeshHTTPRoute", mesh: "m", name: "r" },
  spec: {
    targetRef: { kind: "MeshGateway", name, ...(tags === undefined ? {} : { tags }) },
    to: [
      {
        targetRef: { kind: "Mesh" },
        ...(hostnames === undefined ? {} : { hostnames }),
        rules: [
          {
            matches: [{ path: { type: "PathPrefix", value: "/" } }],
            default: { backendRefs: [{ kind: "MeshServiceSubset", name: "x" }] },
          },
        ],
      },
    ],
  },
});
const tls = (secret: string) => ({ mode: "TERMINATE", certificates: [{ secret }] });

const cases: readonly [about: string, written: object, there: readonly object[], ...expected: RegExp[]][] = [
  ["a MeshGateway that is served", gateway(), [EDGE]],
  ["a MeshGateway for nobody", gateway(), [], /^selectors: no Dataplane .* has these tags now/],
  [
    "a delegated gateway serves none",
    gateway(),
    [edge({ "kuma.io/service": "edge" }, "DELEGATED")],
    /^selectors: no Dataplane/,
  ],
  [
    "one that another overrules",
    gateway(),
    [EDGE, gateway([HTTP], { tier: "outer" }, "better")],
    /^selectors: another MeshGateway selects edge-1 with more tags/,
  ],
  ["one that overrules", gateway([HTTP], { tier: "outer" }, "better"), [EDGE, gateway()]],
  [
    "listeners that come to nothing",
    gateway([
      { ...HTTP, crossMesh: true },
      { port: 81, protocol: "HTTP", tls: tls("x") },
      { port: 82, protocol: "TCP", hostname: "a.b" },
      { port: 83, protocol: "HTTPS", tls: tls("absent") },
      { port: 84, protocol: "HTTPS", tls: tls("there") },
    ]),
    [EDGE, { type: "Secret", mesh: "m", name: "there", data: "YQ==" }],
    /^conf\.listeners\[0\]\.crossMesh: .* nothing listens on port 80/,
    /^conf\.listeners\[1\]\.tls: has no effect with protocol HTTP/,
    /^conf\.listeners\[2\]\.hostname: has no effect with protocol TCP/,
    /^conf\.listeners\[3\]\.tls\.certificates\[0\]: there is no Secret "absent" now/,
  ],
  ["a gateway that is selected", EDGE, [gateway()]],
  [
    "a gateway that is not",
    EDGE,
    [gateway([HTTP], { tier: "inner" })],
    /^networking\.gateway: no MeshGateway/,
  ],
  ["a gateway without tags", edge(), [], /^networking\.gateway\.tags: there are none/],
  ["a route", route(["a.b"]), [EDGE, gateway()]],
  ["a route of a gateway that no proxy serves", route(["a.b"]), [gateway()]],
  [
    "a route of nothing",
    route(undefined, undefined, "h"),
    [EDGE],
    /^spec\.targetRef\.name: there is no MeshGateway "h" now/,
  ],
  [
    "a route by the tags of a listener, of the proxy and of neither",
    route(undefined, { name: "plain", tier: "outer" }),
    [EDGE, gateway([{ ...HTTP, tags: { name: "plain" } }])],
  ],
  [
    "a route with tags that no listener has",
    route(undefined, { name: "secure" }),
    [EDGE, gateway([{ ...HTTP, tags: { name: "plain" } }])],
    /^spec\.targetRef\.tags: no listener of MeshGateway "g" has these tags/,
  ],
  [
    "host names that no listener takes",
    route(["a.shop.test", "a.test", "*.b.shop.test"], { name: "shops" }),
    [
      EDGE,
      gateway([
        { ...HTTP, hostname: "*.shop.test", tags: { name: "shops" } },
        { ...HTTP, hostname: "*.b.shop.test" },
      ]),
    ],
    /^spec\.to\[0\]\.hostnames\[1\]: no listener .* takes requests for "a\.test"/,
    /^spec\.to\[0\]\.hostnames\[2\]: no listener .* takes requests for "\*\.b\.shop\.test"/,
  ],
];

function storeOf(documents: readonly object[]) {
  const store = openMemoryStore({ now: () => 0, onError: (error) => assert.ifError(error) });
  const resources = documents.map((each, i) => stored(each, i + 1));
  return store.write(resources.map((resource) => ({ op: "create" as const, resource }))).then(() => store);
}

for (const [about, written, there, ...expected] of cases) {
  test(about, async () => {
    const store = await storeOf([{ type: "Mesh", name: "m" }, ...there]);
    const found = warningsFor(stored(written, 99), store, (type) => type === "MeshHTTPRoute");
    assert.equal(found.length, expected.length, found.join("\n"));
    for (const [i, pattern] of expected.entries()) assert.match(found[i] ?? "", pattern);
  });
}

test("what is deleted from under a gateway is said", async () => {
  const secure = gateway([HTTP, { port: 443, protocol: "HTTPS", tls: tls("cert") }]);
  const secret = { type: "Secret", mesh: "m", name: "cert", data: "YQ==" };
  const store = await storeOf([{ type: "Mesh", name: "m" }, EDGE, secure, secret]);
  const warned = (document: object) =>
    deleteWarnings(stored(document, 9), store, { zone: "east", environment: "universal" });
  assert.deepEqual(warned(secure), ["1 gateway listens on nothing without it: edge-1"]);
  assert.deepEqual(warned(secret), [
    'MeshGateway "g" conf.listeners[1] reads it, and its certificate is not served without it',
  ]);
});
