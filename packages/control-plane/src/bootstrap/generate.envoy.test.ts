import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { generateEcKeyPair } from "../identity/x509/keys.ts";
import { createSelfSignedServer } from "../tls/self-signed.ts";
import { type BootstrapInputs, generateBootstrap } from "./generate.ts";
import { bootstrapRequestSchema } from "./request.ts";

const ENVOY = new URL("../../../../.tools/bin/envoy", import.meta.url).pathname;

async function inputs(overrides: Partial<BootstrapInputs>, request: object = {}): Promise<BootstrapInputs> {
  const { privateKeyPem } = await generateEcKeyPair();
  const server = { hosts: [], now: Date.now(), random: (n: number) => new Uint8Array(n).fill(7) };
  return {
    request: bootstrapRequestSchema.parse({
      mesh: "m",
      name: "web-1",
      dataplaneToken: "token",
      workdir: "/tmp/work",
      features: ["feature-delta-grpc", "feature-unified-resource-naming"],
      version: { envoy: { version: "1.40.0" } },
      ...request,
    }),
    dataplane: { adminPort: undefined, service: "web", isGateway: false },
    xds: { host: "127.0.0.1", port: 5678 },
    caPem: await createSelfSignedServer(server, privateKeyPem),
    exclusive: true,
    settings: {
      adminAddress: "127.0.0.1",
      adminPort: 9901,
      adminUnixSocket: true,
      adminAccessLogPath: "/dev/null",
      connectTimeout: "1s",
      statistics: "trimmed",
      healthDiscovery: true,
    },
    ...overrides,
  };
}

async function validate(bootstrap: object): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "skein-bootstrap-"));
  try {
    const file = join(dir, "bootstrap.json");
    await writeFile(file, JSON.stringify(bootstrap));
    const { stdout, stderr } = await promisify(execFile)(ENVOY, ["--mode", "validate", "-c", file]);
    return stdout + stderr;
  } finally {
    await rm(dir, { recursive: true });
  }
}

const base = await inputs({});
const cases: Readonly<Record<string, BootstrapInputs>> = {
  "delta, KRI names, trimmed statistics": base,
  "a launcher of Kuma: state of the world, its own names": await inputs(
    { exclusive: false },
    { features: null },
  ),
  "by host name, all statistics, admin on a port": await inputs({
    xds: { host: "control-plane.example", port: 443 },
    settings: { ...base.settings, statistics: "full", adminUnixSocket: false },
  }),
  "a gateway": await inputs({ dataplane: { adminPort: undefined, service: "edge", isGateway: true } }),
  "a gateway with little memory": await inputs(
    { dataplane: { adminPort: undefined, service: "edge", isGateway: true } },
    { resources: { maxHeapSizeBytes: 536_870_912 } },
  ),
  "without a token": await inputs({}, { dataplaneToken: undefined }),
};

for (const [name, given] of Object.entries(cases)) {
  test(`Envoy accepts the bootstrap: ${name}`, async () => {
    assert.match(await validate(generateBootstrap(given)), /configuration '.*' OK/);
  });
}

test("Envoy would not accept just anything", async () => {
  await assert.rejects(
    validate({ ...generateBootstrap(base), staticResources: { clusters: [{ name: "" }] } }),
  );
});

test("names and protocol follow what the launcher can do", () => {
  const kuma = JSON.stringify(
    generateBootstrap(cases["a launcher of Kuma: state of the world, its own names"] ?? base),
  );
  assert.match(kuma, /"apiType":"GRPC"/);
  assert.match(kuma, /"ads_cluster"/);
  const ours = JSON.stringify(generateBootstrap(base));
  assert.match(ours, /"apiType":"DELTA_GRPC"/);
  assert.match(ours, /"system_ads"/);
});

test("only a gateway limits what strangers may take, and memory only where there is a limit", () => {
  const managerOf = (name: string) =>
    generateBootstrap(cases[name] ?? base).overloadManager as object | undefined;
  assert.equal(managerOf("delta, KRI names, trimmed statistics"), undefined);
  assert.doesNotMatch(JSON.stringify(managerOf("a gateway")), /fixed_heap/);
  assert.match(JSON.stringify(managerOf("a gateway")), /"maxActiveDownstreamConnections":50000/);
  assert.match(JSON.stringify(managerOf("a gateway with little memory")), /"maxHeapSizeBytes":536870912/);
});
