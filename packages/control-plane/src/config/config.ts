import * as z from "zod";
import {
  accessSettings,
  coreResourcesSettings,
  dnsServerSettings,
  experimentalSettings,
  ipamSettings,
  meshServiceSettings,
  metricsSettings,
  policiesSettings,
} from "./mesh-settings.ts";
import {
  apiServerSettings,
  bootstrapServerSettings,
  diagnosticsSettings,
  dpServerSettings,
  tlsSettings,
  xdsServerSettings,
} from "./server-settings.ts";
import { choice, count, flag, label, section, settingTraits, text, time } from "./setting.ts";

/** Every setting with its default: the published ones that this build obeys, and our own under `skein`. */
export const configSchema = z.object(
  {
    environment: choice(["universal"], "universal", {
      kubernetes: "Kubernetes is not in this build yet; use universal",
    }),
    mode: choice(["zone"], "zone", {
      global: "a global control plane is not in this build yet; use zone",
    }),
    store: section({
      type: choice(["sqlite", "memory"], "sqlite", {
        postgres: "the PostgreSQL store is not in this build yet; use sqlite, or memory for tests",
        kubernetes: "the Kubernetes store is not in this build yet; use sqlite, or memory for tests",
      }),
      sqlite: section({ path: text() }),
      unsafeDelete: flag(false),
    }),
    bootstrapServer: bootstrapServerSettings,
    xdsServer: xdsServerSettings,
    apiServer: apiServerSettings,
    runtime: section({
      universal: section({
        dataplaneCleanupAge: time("72h0m0s"),
        zoneResourceCleanupAge: time("72h0m0s"),
        vipRefreshInterval: time("500ms"),
        spire: section({ socketPath: text("/tmp/spire-agent/public/api.sock") }),
        workload: section({ generationInterval: time("2s") }),
      }),
    }),
    defaults: section({
      skipMeshCreation: flag(false),
      skipTenantResources: flag(false),
      createMeshRoutingResources: flag(false),
      skipHostnameGenerators: flag(false),
    }),
    metrics: metricsSettings,
    general: section({
      dnsCacheTTL: time("10s"),
      ...tlsSettings(),
      workDir: text(),
      resilientComponentBaseBackoff: time("5s"),
      resilientComponentMaxBackoff: time("1m0s"),
      certGenerationBaseBackoff: time("5s"),
      certGenerationMaxBackoff: time("5m0s"),
      certGenerationCircuitBreakerMinProxies: count(10),
    }),
    dnsServer: dnsServerSettings,
    multizone: section({
      zone: section({
        name: label("default"),
        globalAddress: text().refine((address) => address === "", {
          message:
            "joining a global control plane is not in this build yet; leave it empty to run this zone on its own",
        }),
        disableOriginLabelValidation: flag(false),
      }),
    }),
    diagnostics: diagnosticsSettings,
    dpServer: dpServerSettings,
    access: accessSettings,
    experimental: experimentalSettings,
    policies: policiesSettings,
    coreResources: coreResourcesSettings,
    ipam: ipamSettings,
    meshService: meshServiceSettings,
    skein: section({
      /** Base64 of 32 bytes: CA keys and secrets in the store are encrypted with it. */
      secretsEncryptionKey: text().register(settingTraits, { isSecret: true }),
      secretsEncryptionKeyFile: text(),
      /** `trimmed` keeps the Envoy statistics that dashboards read. */
      statistics: choice(["trimmed", "full"], "trimmed"),
      /** How long the first change of a batch waits for others, and how far that may grow under load. */
      batchDelay: time("5ms"),
      batchMaxDelay: time("100ms"),
      /** An Envoy of the proxies' version on this machine: it is asked before a MeshProxyPatch is written. */
      envoy: section({
        /** A path, or a command on the PATH; `envoy` where it is empty. */
        path: text().register(settingTraits, { env: "SKEIN_ENVOY" }),
        validate: flag(true),
      }),
    }),
  },
  { error: "must be a group of settings" },
);

type DeepReadonly<T> = T extends readonly (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
    : T;

/** The control plane's configuration, checked and complete. Durations are Go's canonical text (`1h0m0s`). */
export type Config = DeepReadonly<z.output<typeof configSchema>>;
