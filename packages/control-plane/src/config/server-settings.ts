import * as z from "zod";
import { choice, count, flag, names, port, section, settingTraits, text, time } from "./setting.ts";

/** TLS of one server; what is empty comes from `general`. */
export function tlsSettings() {
  return {
    tlsCertFile: text(),
    tlsKeyFile: text(),
    tlsMinVersion: choice(["TLSv1_0", "TLSv1_1", "TLSv1_2", "TLSv1_3"], "TLSv1_2"),
    tlsMaxVersion: choice(["", "TLSv1_0", "TLSv1_1", "TLSv1_2", "TLSv1_3"], ""),
    tlsCipherSuites: names(),
  };
}

/** Who issues a kind of token and which keys verify it. */
function tokenSettings() {
  return {
    enableIssuer: flag(true),
    validator: section({ useSecrets: flag(true), publicKeys: publicKeys() }),
  };
}

function publicKeys() {
  return z
    .array(
      z
        .object(
          { kid: z.coerce.string(), mesh: text(), key: text(), keyFile: text() },
          { error: "must be a key with kid, and key or keyFile" },
        )
        .refine(({ key, keyFile }) => (key === "") !== (keyFile === ""), {
          message: "must have either key (PEM) or keyFile (a path)",
        }),
      { error: "must be a list of keys" },
    )
    .default([]);
}

const HTTP = { enabled: flag(true), interface: text("0.0.0.0") };

/** `apiServer`: the HTTP API. */
export const apiServerSettings = section({
  http: section({ ...HTTP, port: port(5681) }),
  https: section({
    ...HTTP,
    port: port(5682),
    ...tlsSettings(),
    tlsCaFile: text().register(settingTraits, { env: "KUMA_API_SERVER_HTTPS_CLIENT_CERTS_CA_FILE" }),
    requireClientCert: flag(false),
  }),
  auth: section({ clientCertsDir: text() }),
  authn: section({
    type: choice(["tokens", "adminClientCerts"], "tokens"),
    localhostIsAdmin: flag(true),
    tokens: section({ bootstrapAdminToken: flag(true), ...tokenSettings() }),
  }),
  readOnly: flag(false),
  corsAllowedDomains: names(),
  rootUrl: text(),
  basePath: text("/").refine((path) => path.startsWith("/"), { message: "must begin with /" }),
  gui: section({
    enabled: flag(true),
    rootUrl: text(),
    basePath: text("/gui").refine((path) => path.startsWith("/"), { message: "must begin with /" }),
  }),
  readHeaderTimeout: time("1s"),
  readTimeout: time("10s"),
  writeTimeout: time("30s"),
  idleTimeout: time("2m0s"),
});

const ON_KUBERNETES = "service account tokens need Kubernetes, which this build does not have yet";

/** `dpServer`: bootstrap and xDS for the proxies. */
export const dpServerSettings = section({
  port: port(5678),
  ...tlsSettings(),
  readHeaderTimeout: time("5s"),
  gracefulShutdownTimeout: time("10s"),
  authn: section({
    dpProxy: section({
      type: choice(["", "dpToken", "none"], "", { serviceAccountToken: `${ON_KUBERNETES}; use dpToken` }),
      dpToken: section(tokenSettings()),
    }),
    zoneProxy: section({
      type: choice(["", "zoneToken", "none"], "", { serviceAccountToken: `${ON_KUBERNETES}; use zoneToken` }),
      zoneToken: section(tokenSettings()),
    }),
    enableReloadableTokens: flag(false),
  }),
  hds: section({
    enabled: flag(true),
    interval: time("5s"),
    checkDefaults: section({
      timeout: time("2s").register(settingTraits, { env: "KUMA_DP_SERVER_HDS_CHECK_TIMEOUT" }),
      interval: time("1s").register(settingTraits, { env: "KUMA_DP_SERVER_HDS_CHECK_INTERVAL" }),
      noTrafficInterval: time("1s").register(settingTraits, {
        env: "KUMA_DP_SERVER_HDS_CHECK_NO_TRAFFIC_INTERVAL",
      }),
      healthyThreshold: count(1).register(settingTraits, {
        env: "KUMA_DP_SERVER_HDS_CHECK_HEALTHY_THRESHOLD",
      }),
      unhealthyThreshold: count(1).register(settingTraits, {
        env: "KUMA_DP_SERVER_HDS_CHECK_UNHEALTHY_THRESHOLD",
      }),
    }),
  }),
});

/** `bootstrapServer`: what a proxy's bootstrap says. */
export const bootstrapServerSettings = section({
  params: section({
    adminAddress: text("127.0.0.1"),
    adminPort: port(9901),
    envoyAdminUnixSocket: flag(true),
    readinessPort: port(9902),
    adminAccessLogPath: text("/dev/null"),
    xdsHost: text(),
    xdsPort: port(0),
    xdsConnectTimeout: time("1s"),
    xdsGrpcMaxReceiveMessageBytes: count(4_194_304),
  }),
});

/** `xdsServer`: the delivery of configuration. */
export const xdsServerSettings = section({
  dataplaneConfigurationRefreshInterval: time("1s"),
  dataplaneStatusFlushInterval: time("10s"),
  nackBackoff: time("5s"),
  dataplaneDeregistrationDelay: time("10s").register(settingTraits, {
    env: "KUMA_XDS_DATAPLANE_DEREGISTRATION_DELAY",
  }),
});

/** `diagnostics`: health, readiness and metrics of the control plane. */
export const diagnosticsSettings = section({
  serverPort: port(5680),
  debugEndpoints: flag(false),
  tlsEnabled: flag(false),
  ...tlsSettings(),
});
