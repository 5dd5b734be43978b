import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "yaml";
import { loadConfig } from "../config/load.ts";
import { generateEcKeyPair } from "../identity/x509/keys.ts";
import { openMemoryStore } from "../store/memory.ts";
import { document } from "../store/testing/documents.ts";
import { createSelfSignedServer } from "../tls/self-signed.ts";
import { type BootstrapEnvironment, type HttpAnswer, handleBootstrap } from "./handle.ts";

const { privateKeyPem } = await generateEcKeyPair();
const now = Date.now();
const serverCertPem = await createSelfSignedServer(
  { hosts: [], now, random: (n) => new Uint8Array(n).fill(7) },
  privateKeyPem,
);
const store = openMemoryStore({ now: () => now });
await store.write([
  { op: "put", resource: document("Mesh//default", { meshServices: { mode: "Exclusive" } }) },
]);

const DATAPLANE = {
  type: "Dataplane",
  mesh: "default",
  name: "web-1",
  creationTime: "0001-01-01T00:00:00Z",
  modificationTime: "0001-01-01T00:00:00Z",
  labels: { app: "web" },
  kri: "kri_dp_default___web-1_",
  networking: {
    address: "127.0.1.2",
    inbound: [{ port: 8080, tags: { "kuma.io/protocol": "http", "kuma.io/service": "web" } }],
  },
};

/** What kuma-dp 2.14.3 sends when it is told no more than it must be. */
const REQUEST = {
  mesh: "default",
  name: "web-1",
  proxyType: "dataplane",
  dataplaneToken: "token",
  dataplaneTokenPath: "/run/token",
  dataplaneResource: JSON.stringify(DATAPLANE),
  version: {
    kumaDp: { version: "2.14.3", gitTag: "v2.14.3", gitCommit: "0".repeat(40), buildDate: "2026-08-01" },
    envoy: { version: "1.40.0", build: "0/1.40.0/Clean/RELEASE/BoringSSL", kumaDpCompatible: false },
  },
  caCert: serverCertPem,
  dynamicMetadata: {},
  otelEnv: { pipeEnabled: true },
  dnsPort: 15_054,
  readinessPort: 9902,
  operatingSystem: "linux",
  features: [
    "feature-tcp-accesslog-via-named-pipe",
    "feature-otel-via-kuma-dp",
    "feature-strict-inbound-ports",
    "feature-reuse-port",
  ],
  resources: { maxHeapSizeBytes: 0 },
  workdir: "/tmp/kuma-dp-1",
  metricsResources: { certPath: "", keyPath: "" },
  systemCaPath: "",
  ipv6Enabled: false,
  spireResources: { socketPath: "" },
};

/** Answers with the request, some of its fields otherwise; `undefined` leaves one out. */
function ask(
  fields: Readonly<Record<string, unknown>> = {},
  env: Readonly<Record<string, string>> = {},
): HttpAnswer {
  const loaded = loadConfig({ env: { HOME: "/nowhere", ...env } });
  if (!loaded.ok) throw new Error("the defaults are no configuration");
  const environment: BootstrapEnvironment = {
    store,
    config: loaded.config,
    labels: { mode: "zone", zone: "east", environment: "universal", federated: false },
    serverCertPem,
    xdsPort: () => 5678,
    needsToken: true,
  };
  const body = JSON.stringify({ ...REQUEST, ...fields });
  return handleBootstrap(environment, body, { host: "127.0.0.1:5678", accept: "application/json" });
}

function bootstrapIn({ status, body }: HttpAnswer) {
  assert.equal(status, 200, body);
  return parse(Buffer.from(JSON.parse(body).bootstrap, "base64").toString("utf8"));
}

function trusted(answer: HttpAnswer): string {
  const [secret] = bootstrapIn(answer).staticResources.secrets;
  return Buffer.from(secret.validationContext.trustedCa.inlineBytes, "base64").toString("utf8");
}

test("a launcher of Kuma 2.14 gets Envoy's bootstrap, and the address that it opens ports for", () => {
  const answer = ask();
  const bootstrap = bootstrapIn(answer);
  assert.equal(answer.contentType, "application/json");
  assert.equal(bootstrap.node.id, "default.web-1");
  assert.equal(bootstrap.node.cluster, "web");
  assert.equal(bootstrap.node.metadata["dataplane.resource"], REQUEST.dataplaneResource);
  assert.equal(bootstrap.admin.address.pipe.path, "/tmp/kuma-dp-1/kuma-envoy-admin.sock");
  const { adsConfig } = bootstrap.dynamicResources;
  assert.equal(adsConfig.apiType, "GRPC");
  assert.deepEqual(adsConfig.grpcServices[0].initialMetadata, [{ key: "authorization", value: "token" }]);
  // Health discovery has no delta form, and the same credentials.
  assert.equal(bootstrap.hdsConfig.apiType, "GRPC");
  assert.deepEqual(bootstrap.hdsConfig.grpcServices, adsConfig.grpcServices);
  assert.deepEqual(JSON.parse(answer.body).kumaSidecarConfiguration, {
    networking: { corefileTemplate: null, address: "127.0.1.2" },
    metrics: { aggregate: [] },
  });
});

test("it follows the proxy's own idea of a CA; without one, sent as an empty text, ours", () => {
  assert.equal(trusted(ask()), serverCertPem);
  assert.equal(trusted(ask({ caCert: "" })), serverCertPem);
  assert.equal(trusted(ask({ caCert: undefined })), serverCertPem);
  const refused = ask({ caCert: "nonsense" });
  assert.equal(refused.status, 400);
  assert.match(refused.body, /not a CA/);
});

test("a Dataplane that is not there yet: 404 without a body, for which launchers wait", () => {
  for (const dataplaneResource of ["", undefined]) {
    assert.deepEqual(ask({ dataplaneResource }), { status: 404, contentType: "text/plain", body: "" });
  }
});

const withOutbound = {
  ...DATAPLANE,
  networking: {
    ...DATAPLANE.networking,
    outbound: [{ port: 10_080, tags: { "kuma.io/service": "backend" } }],
  },
};

const REDIRECTS = {
  ipFamilyMode: "dualstack",
  redirect: { inbound: { enabled: true, port: 15_006 }, outbound: { enabled: true, port: 15_001 } },
};

/** What a launcher adds that was started with `--transparent-proxy`. */
function transparent(fields: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  const features = [...REQUEST.features, "feature-transparent-proxy-in-dataplane-metadata"];
  return { features, dataplaneConfig: REDIRECTS, ...fields };
}

const refusals: Readonly<Record<string, readonly [fields: Record<string, unknown>, text: RegExp]>> = {
  "no token": [{ dataplaneToken: "" }, /a dataplane token is needed/],
  "a mesh that is not there": [{ mesh: "nowhere" }, /there is no mesh "nowhere"/],
  "a proxy of a zone": [{ proxyType: "ingress" }, /zone ingress proxies are not available/],
  "a gateway with applications behind it": [
    transparent({
      dataplaneResource: JSON.stringify({
        type: "Dataplane",
        mesh: "default",
        name: "web-1",
        networking: {
          address: "127.0.1.2",
          gateway: { type: "BUILTIN", tags: { "kuma.io/service": "edge" } },
        },
      }),
    }),
    /networking\.gateway\.type: a built-in gateway has no application.*without --transparent-proxy/,
  ],
  "outbounds where connections are redirected": [
    transparent({ dataplaneResource: JSON.stringify(withOutbound) }),
    /networking\.outbound: must be empty with transparent proxying/,
  ],
  "one port for both directions": [
    transparent({
      dataplaneConfig: {
        redirect: { inbound: { enabled: true, port: 15_001 }, outbound: { enabled: true, port: 15_001 } },
      },
    }),
    /inbound and outbound must have ports of their own/,
  ],
  "a port that is none": [
    transparent({ dataplaneConfig: { redirect: { inbound: { enabled: true, port: 70_000 } } } }),
    /dataplaneConfig\.redirect\.inbound\.port: /,
  ],
  "a family of addresses that is none": [
    transparent({ dataplaneConfig: { ipFamilyMode: "ipv5" } }),
    /dataplaneConfig\.ipFamilyMode: /,
  ],
};

test("it asks for health checks unless that is switched off, and over delta streams too", () => {
  const off = bootstrapIn(ask({}, { KUMA_DP_SERVER_HDS_ENABLED: "false" }));
  assert.equal(off.hdsConfig, undefined);
  const delta = bootstrapIn(ask({ features: ["feature-delta-grpc"] }));
  assert.equal(delta.dynamicResources.adsConfig.apiType, "DELTA_GRPC");
  assert.equal(delta.hdsConfig.apiType, "GRPC");
});

for (const [about, [fields, text]] of Object.entries(refusals)) {
  test(`refused with a sentence for the launcher's user: ${about}`, () => {
    const { status, body } = ask(fields);
    assert.equal(status, 422);
    assert.match(body, text);
  });
}

test("a launcher with transparent proxying: its metadata says what is redirected", () => {
  const { metadata } = bootstrapIn(ask(transparent())).node;
  assert.deepEqual(metadata.transparentProxy, REDIRECTS);
  assert.ok(metadata.features.includes("feature-transparent-proxy-in-dataplane-metadata"));
});

test("outbounds are fine where connections of applications are not redirected", () => {
  const dataplaneResource = JSON.stringify(withOutbound);
  const inboundOnly = { redirect: { inbound: { enabled: true }, outbound: { enabled: false } } };
  assert.equal(ask(transparent({ dataplaneResource, dataplaneConfig: inboundOnly })).status, 200);
  const legacy = {
    ...withOutbound,
    networking: { ...withOutbound.networking, transparentProxying: { redirectPortOutbound: 15_001 } },
  };
  assert.equal(ask({ dataplaneResource: JSON.stringify(legacy) }).status, 200);
});
