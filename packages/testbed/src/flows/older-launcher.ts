import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import { adminStats, askAdmin } from "../world/admin.ts";
import type { World } from "../world/world.ts";
import { MESH } from "./scene.ts";

/** An Envoy that was started as a launcher of Kuma 2.14 does it. */
export interface OlderSidecar {
  /** The bootstrap that it runs with, YAML. */
  readonly bootstrap: string;
  admin(path: string): Promise<string>;
  stats(filter: string): Promise<ReadonlyMap<string, number>>;
}

/** What Kuma 2.14's launcher says that it can do when nothing is configured: neither delta xDS nor unified names. */
const FEATURES = [
  "feature-tcp-accesslog-via-named-pipe",
  "feature-otel-via-kuma-dp",
  "feature-strict-inbound-ports",
  "feature-reuse-port",
];

/** What it says besides when both are asked for. */
export const DELTA_AND_UNIFIED: readonly string[] = ["feature-delta-grpc", "feature-unified-resource-naming"];

/** What it says besides when connections are redirected to it, and it answers DNS by itself (`KUMA_DNS_PROXY_PORT`). */
export const REDIRECTED: readonly string[] = ["feature-transparent-proxy-in-dataplane-metadata"];
export const OWN_DNS: readonly string[] = ["feature-embedded-dns"];

/** How it tells which connections are redirected, with everything at its default. */
export const REDIRECTS = {
  ipFamilyMode: "dualstack",
  redirect: {
    inbound: { enabled: true, port: 15_006 },
    outbound: { enabled: true, port: 15_001 },
    dns: { enabled: true, port: 15_054 },
    vnet: {},
  },
} as const;

export interface OlderRequest {
  readonly dataplane: { readonly name: string };
  readonly workdir: string;
  /** Beside those that it always has. */
  readonly features?: readonly string[];
  readonly dataplaneConfig?: object;
  /** Base URL of the control plane's port for proxies, as the launcher was given it. */
  readonly controlPlane?: string;
}

/** Asks for a bootstrap as kuma-dp 2.14.3 does, field for field, and writes what its Envoy needs. */
export async function olderBootstrap(
  world: World,
  { dataplane, workdir, features = [], dataplaneConfig, controlPlane }: OlderRequest,
): Promise<{ readonly text: string; readonly envoy: readonly string[] }> {
  const { name } = dataplane;
  mkdirSync(workdir, { recursive: true });
  const tokenFile = join(workdir, "token");
  const dataplaneToken = await token(world, name);
  writeFileSync(tokenFile, dataplaneToken, { mode: 0o600 });
  const ca = readFileSync(world.controlPlane.caFile, "utf8");
  const answer = await post(`${controlPlane ?? world.controlPlane.dataplanes}/bootstrap`, ca, {
    mesh: MESH,
    name,
    proxyType: "dataplane",
    dataplaneToken,
    dataplaneTokenPath: tokenFile,
    dataplaneResource: JSON.stringify({
      ...dataplane,
      creationTime: "0001-01-01T00:00:00Z",
      modificationTime: "0001-01-01T00:00:00Z",
      kri: `kri_dp_${MESH}___${name}_`,
    }),
    version: {
      kumaDp: { version: "2.14.3", gitTag: "v2.14.3", gitCommit: "0".repeat(40), buildDate: "2026-08-01" },
      envoy: { version: "1.40.0", build: "0/1.40.0/Clean/RELEASE/BoringSSL", kumaDpCompatible: false },
    },
    caCert: ca,
    dynamicMetadata: {},
    otelEnv: { pipeEnabled: true },
    dnsPort: 15054,
    readinessPort: 9902,
    operatingSystem: "linux",
    features: [...FEATURES, ...features],
    resources: { maxHeapSizeBytes: 0 },
    workdir,
    metricsResources: { certPath: "", keyPath: "" },
    systemCaPath: "/etc/ssl/certs/ca-certificates.crt",
    ...(dataplaneConfig === undefined ? {} : { dataplaneConfig }),
    ipv6Enabled: false,
    spireResources: { socketPath: "" },
  });
  const { bootstrap } = JSON.parse(answer) as { bootstrap: string };
  const text = Buffer.from(bootstrap, "base64").toString("utf8");
  const file = join(workdir, "bootstrap.yaml");
  writeFileSync(file, text, { mode: 0o600 });
  const envoy = [
    world.commands.envoy,
    ...["--config-path", file, "--drain-time-s", "30", "--drain-strategy", "immediate"],
    ...["--disable-hot-restart", "--log-level", "warning", "--concurrency", "1"],
  ];
  return { text, envoy };
}

/** Runs Envoy as that launcher does, by its command line. */
export async function startOlderSidecar(
  world: World,
  dataplane: { readonly name: string },
  features: readonly string[] = [],
): Promise<OlderSidecar> {
  const { name } = dataplane;
  const workdir = join(world.site.dir, "dp", name);
  const { text, envoy } = await olderBootstrap(world, { dataplane, workdir, features });
  await world.startPart("sidecar", name, [...envoy]);
  const socket = join(workdir, "kuma-envoy-admin.sock");
  return {
    bootstrap: text,
    admin: (path) => askAdmin(socket, path),
    stats: (filter) => adminStats(socket, filter),
  };
}

async function token(world: World, name: string): Promise<string> {
  const answer = await fetch(`${world.controlPlane.api}/tokens/dataplane`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name, mesh: MESH, validFor: "1h" }),
  });
  return (await answer.text()).trim();
}

function post(url: string, ca: string, body: object): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { "content-type": "application/json", accept: "application/json" };
    const outgoing = request(url, { method: "POST", ca, headers, agent: false }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      answer.on("end", () =>
        answer.statusCode === 200 ? resolve(text) : reject(new Error(`${answer.statusCode} ${text}`)),
      );
    });
    outgoing.on("error", reject);
    outgoing.end(JSON.stringify(body));
  });
}
