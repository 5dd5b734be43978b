import assert from "node:assert/strict";
import { test } from "node:test";
import { type NodeFacts, nodeFacts, sameFacts, UNKNOWN_NODE } from "./node-facts.ts";
import { TRANSPARENT_PROXY_FEATURE } from "./redirect.ts";

const NOTHING: NodeFacts = {
  unifiedNaming: false,
  reusePort: false,
  ipv6: true,
  strictInboundPorts: false,
  bindOutbounds: false,
  redirect: undefined,
  adminSocket: undefined,
  adminAddress: undefined,
  adminPort: undefined,
  systemCaPath: undefined,
  extAuthzAddress: undefined,
  dynamicConfigSocket: undefined,
  envoyDnsPort: undefined,
};

const WITH_DNS = { ipFamilyMode: "dualstack", redirect: { dns: { enabled: true, port: 15_054 } } };

const REDIRECTS = {
  ipFamilyMode: "ipv4",
  redirect: { inbound: { enabled: false, port: 15_106 }, outbound: { enabled: true, port: 15_101 } },
};

const cases: readonly [
  about: string,
  metadata: Readonly<Record<string, unknown>>,
  expected: Partial<NodeFacts>,
][] = [
  ["nothing", {}, {}],
  ["unified names", { features: ["feature-unified-resource-naming"] }, { unifiedNaming: true }],
  ["shared ports", { features: ["feature-reuse-port", "feature-of-tomorrow"] }, { reusePort: true }],
  ["features that are no list", { features: "feature-reuse-port" }, {}],
  ["closed ports", { features: ["feature-strict-inbound-ports"] }, { strictInboundPorts: true }],
  ["outbounds with addresses", { features: ["feature-bind-outbounds"] }, { bindOutbounds: true }],
  ["nothing of redirects, without the feature", { transparentProxy: REDIRECTS }, {}],
  [
    "which connections are redirected",
    { features: [TRANSPARENT_PROXY_FEATURE], transparentProxy: REDIRECTS },
    { redirect: { outboundPort: 15_101, inboundPort: undefined, ipv6: false } },
  ],
  [
    "that they are redirected as usual",
    { features: [TRANSPARENT_PROXY_FEATURE] },
    { redirect: { outboundPort: 15_001, inboundPort: 15_006, ipv6: true } },
  ],
  ["no IPv6", { ipv6Enabled: false }, { ipv6: false }],
  ["the admin port", { "dataplane.admin.port": "9901" }, { adminPort: 9901 }],
  ["a port that is none", { "dataplane.admin.port": "0" }, {}],
  ["a port that is text", { "dataplane.admin.port": "x" }, {}],
  ["the admin address", { "dataplane.admin.address": "127.0.0.1" }, { adminAddress: "127.0.0.1" }],
  ["an admin address of another machine", { "dataplane.admin.address": "10.0.0.1" }, {}],
  [
    "the admin socket",
    { "dataplane.admin.socketPath": "/run/admin.sock" },
    { adminSocket: "/run/admin.sock" },
  ],
  [
    "DNS in the launcher",
    { features: ["feature-embedded-dns"], workdir: "/run/web-1" },
    { dynamicConfigSocket: "/run/web-1/kuma-mesh-metric-config.sock" },
  ],
  [
    "a work directory whose sockets need shorter names",
    { features: ["feature-embedded-dns"], workdir: `/${"d".repeat(96)}` },
    { dynamicConfigSocket: `/${"d".repeat(96)}/.sock` },
  ],
  ["a work directory without DNS", { workdir: "/run/web-1" }, {}],
  ["DNS without a work directory", { features: ["feature-embedded-dns"], workdir: "" }, {}],
  ["DNS at Envoy", { "dataplane.dns.port": "15054" }, { envoyDnsPort: 15_054 }],
  [
    "DNS at Envoy, redirected",
    { "dataplane.dns.port": "15054", transparentProxy: WITH_DNS },
    { envoyDnsPort: 15_054 },
  ],
  [
    "a port for DNS that it does not use",
    {
      "dataplane.dns.port": "15054",
      transparentProxy: { redirect: { dns: { enabled: false, port: 15_054 } } },
    },
    {},
  ],
  [
    "a port for DNS beside its own",
    { "dataplane.dns.port": "15054", features: ["feature-embedded-dns"], workdir: "/w" },
    { dynamicConfigSocket: "/w/kuma-mesh-metric-config.sock" },
  ],
  ["its machine's roots", { systemCaPath: "/etc/ssl/cert.pem" }, { systemCaPath: "/etc/ssl/cert.pem" }],
  ["no roots", { systemCaPath: "" }, {}],
  ["its agent", { dynamicMetadata: { "opa.extAuthzAddr": "[::1]:9191" } }, { extAuthzAddress: "[::1]:9191" }],
  ["an agent without a port", { dynamicMetadata: { "opa.extAuthzAddr": "localhost" } }, {}],
  ["an agent on no port", { dynamicMetadata: { "opa.extAuthzAddr": "localhost:99999" } }, {}],
  ["an agent with a path", { dynamicMetadata: { "opa.extAuthzAddr": "localhost:80/x" } }, {}],
];

for (const [about, metadata, expected] of cases) {
  test(`a node that says: ${about}`, () =>
    assert.deepEqual(nodeFacts(metadata), { ...NOTHING, ...expected }));
}

test("facts are the same when all of them are", () => {
  assert.equal(sameFacts(UNKNOWN_NODE, { ...UNKNOWN_NODE }), true);
  const others: readonly Partial<NodeFacts>[] = [
    { unifiedNaming: false },
    { reusePort: false },
    { ipv6: false },
    { strictInboundPorts: false },
    { bindOutbounds: true },
    { redirect: { outboundPort: 15_001, inboundPort: 15_006, ipv6: true } },
    { adminSocket: "/x" },
    { adminAddress: "::1" },
    { adminPort: 1 },
    { systemCaPath: undefined },
    { extAuthzAddress: "localhost:1" },
    { dynamicConfigSocket: "/x" },
    { envoyDnsPort: 15_054 },
  ];
  for (const other of others) assert.equal(sameFacts(UNKNOWN_NODE, { ...UNKNOWN_NODE, ...other }), false);
});
