/** One setting of the launcher: its flag, the environment variable that gives its default, and its help text. */
export interface Setting {
  readonly key: string;
  /** As commander writes it: `--drain-time <duration>`. */
  readonly flag: string;
  /** Other spellings that mean the same. */
  readonly aliases?: readonly string[];
  /** It may be given several times. */
  readonly repeats?: true;
  readonly env?: string;
  readonly help: string;
}

/**
 * Every setting of `skein-dp run`. The flags and variables of kuma-dp 2.14 keep their names, so that unit files, pod
 * templates and habits go on working.
 */
export const SETTINGS = [
  {
    key: "cpAddress",
    flag: "--cp-address <url>",
    env: "KUMA_CONTROL_PLANE_URL",
    help: "where the control plane serves data planes (default https://localhost:5678)",
  },
  {
    key: "caCertFile",
    flag: "--ca-cert-file <file>",
    env: "KUMA_CONTROL_PLANE_CA_CERT_FILE",
    help: "CA that signed the control plane's certificate, PEM",
  },
  {
    key: "caCert",
    flag: "--ca-cert <pem>",
    env: "KUMA_CONTROL_PLANE_CA_CERT",
    help: "the same CA as text; wins over the file",
  },
  {
    key: "skipVerify",
    flag: "--skip-verify",
    env: "KUMA_CONTROL_PLANE_TLS_SKIP_VERIFY",
    help: "the launcher does not verify the control plane's certificate (development only)",
  },
  {
    key: "retryBackoff",
    flag: "--retry-backoff <duration>",
    env: "KUMA_CONTROL_PLANE_RETRY_BACKOFF",
    help: "pause between two tries to reach the control plane (default 3s)",
  },
  {
    key: "retryMaxDuration",
    flag: "--retry-max-duration <duration>",
    env: "KUMA_CONTROL_PLANE_RETRY_MAX_DURATION",
    help: "give up after this long (default 5m)",
  },
  {
    key: "name",
    flag: "--name <name>",
    env: "KUMA_DATAPLANE_NAME",
    help: "name of a Dataplane that the control plane already has",
  },
  { key: "mesh", flag: "--mesh <mesh>", env: "KUMA_DATAPLANE_MESH", help: 'its mesh (default "default")' },
  {
    key: "proxyType",
    flag: "--proxy-type <type>",
    env: "KUMA_DATAPLANE_PROXY_TYPE",
    help: "dataplane, ingress or egress (default dataplane)",
  },
  {
    key: "dataplaneFile",
    flag: "-d, --dataplane-file <file>",
    env: "KUMA_DATAPLANE_RUNTIME_RESOURCE_PATH",
    help: "Dataplane to register: YAML or JSON with {{ variables }}; - reads stdin",
  },
  {
    key: "dataplane",
    flag: "--dataplane <text>",
    env: "KUMA_DATAPLANE_RUNTIME_RESOURCE",
    help: "the same as text",
  },
  {
    key: "token",
    flag: "--dataplane-token <token>",
    env: "KUMA_DATAPLANE_RUNTIME_TOKEN",
    help: "dataplane token; wins over the file",
  },
  {
    key: "tokenFile",
    flag: "--dataplane-token-file <file>",
    env: "KUMA_DATAPLANE_RUNTIME_TOKEN_PATH",
    help: "file with the dataplane token; a new content is used without a restart",
  },
  {
    key: "binaryPath",
    flag: "--binary-path <file>",
    env: "KUMA_DATAPLANE_RUNTIME_BINARY_PATH",
    help: "Envoy (default: $SKEIN_ENVOY, then envoy on PATH)",
  },
  {
    key: "workDir",
    flag: "--work-dir <dir>",
    aliases: ["--workdir <dir>", "--config-dir <dir>"],
    env: "KUMA_DATAPLANE_RUNTIME_WORK_DIR",
    help: "directory for the bootstrap and the sockets (default: a temporary one, removed at the end)",
  },
  {
    key: "concurrency",
    flag: "--concurrency <n>",
    env: "KUMA_DATAPLANE_RUNTIME_CONCURRENCY",
    help: "Envoy worker threads (default: as many as the CPUs it may use)",
  },
  {
    key: "envoyLogLevel",
    flag: "--envoy-log-level <level>",
    env: "KUMA_DATAPLANE_RUNTIME_ENVOY_LOG_LEVEL",
    help: "Envoy's log level (default: the launcher's)",
  },
  {
    key: "envoyComponentLogLevel",
    flag: "--envoy-component-log-level <levels>",
    env: "KUMA_DATAPLANE_RUNTIME_ENVOY_COMPONENT_LOG_LEVEL",
    help: "levels of single Envoy components",
  },
  {
    key: "drainTime",
    flag: "--drain-time <duration>",
    env: "KUMA_DATAPLANE_DRAIN_TIME",
    help: "longest time a shutdown may take (default 30s)",
  },
  {
    key: "readinessPort",
    flag: "--readiness-port <port>",
    env: "KUMA_READINESS_PORT",
    help: "port of GET /ready (default 9902)",
  },
  {
    key: "readinessAddress",
    flag: "--readiness-address <ip>",
    env: "SKEIN_READINESS_ADDRESS",
    help: "address of GET /ready (default 127.0.0.1, in a pod 0.0.0.0)",
  },
  {
    key: "lean",
    flag: "--lean",
    env: "SKEIN_LEAN",
    help: "become Envoy instead of supervising it: one process less",
  },
  {
    key: "logLevel",
    flag: "--log-level <level>",
    env: "SKEIN_LOG_LEVEL",
    help: "debug, info, warn, error or off (default info)",
  },
  {
    key: "logFormat",
    flag: "--log-format <format>",
    env: "SKEIN_LOG_FORMAT",
    help: "text or json, for the launcher and for Envoy (default text)",
  },
  {
    key: "xdsVariant",
    flag: "--xds-variant <variant>",
    env: "KUMA_DATAPLANE_RUNTIME_ENVOY_XDS_TRANSPORT_PROTOCOL_VARIANT",
    help: "DELTA_GRPC or GRPC (default DELTA_GRPC)",
  },
  {
    key: "unifiedNaming",
    flag: "--unified-naming",
    env: "KUMA_DATAPLANE_RUNTIME_UNIFIED_RESOURCE_NAMING_ENABLED",
    help: "name Envoy resources by KRI",
  },
  {
    key: "bindOutbounds",
    flag: "--bind-outbounds",
    env: "KUMA_DATAPLANE_RUNTIME_BIND_OUTBOUNDS",
    help: "bind outbounds to loopback addresses",
  },
  {
    key: "transparentProxy",
    flag: "--transparent-proxy",
    env: "SKEIN_TRANSPARENT_PROXY",
    help: "the machine redirects connections to this proxy (`skeinctl install transparent-proxy`)",
  },
  {
    key: "transparentProxyConfig",
    flag: "--transparent-proxy-config <files>",
    repeats: true,
    env: "SKEIN_TRANSPARENT_PROXY_CONFIG",
    help: "the same, and how: files with commas between them, - reads stdin; or YAML itself; may be repeated, later ones win",
  },
  {
    key: "user",
    flag: "--user <user>",
    env: "SKEIN_USER",
    help: "started as root, become this user, by name or id (default: kumaDPUser of --transparent-proxy-config)",
  },
  {
    key: "strictInboundPorts",
    flag: "--strict-inbound-ports",
    env: "KUMA_DATAPLANE_RUNTIME_STRICT_INBOUND_PORTS_ENABLED",
    help: "refuse inbound ports that the Dataplane does not name (default true)",
  },
  {
    key: "reusePort",
    flag: "--reuse-port",
    env: "KUMA_DATAPLANE_RUNTIME_REUSE_PORT_ENABLED",
    help: "a listening socket per worker (default true)",
  },
  {
    key: "ipv6",
    flag: "--ipv6-enabled",
    env: "KUMA_DATAPLANE_RUNTIME_IPV6_ENABLED",
    help: "the host has IPv6 (default: looked up)",
  },
  {
    key: "maxMemory",
    flag: "--max-memory-bytes <n>",
    env: "KUMA_DATAPLANE_RESOURCES_MAX_MEMORY_BYTES",
    help: "memory Envoy may use (default: the cgroup's limit)",
  },
  {
    key: "metricsCertPath",
    flag: "--metrics-cert-path <file>",
    env: "KUMA_DATAPLANE_RUNTIME_METRICS_CERT_PATH",
    help: "certificate of the metrics listener",
  },
  {
    key: "metricsKeyPath",
    flag: "--metrics-key-path <file>",
    env: "KUMA_DATAPLANE_RUNTIME_METRICS_KEY_PATH",
    help: "its key",
  },
  {
    key: "systemCaPath",
    flag: "--system-ca-path <file>",
    env: "KUMA_DATAPLANE_RUNTIME_DYNAMIC_SYSTEM_CA_PATH",
    help: "the host's own CA bundle (default: where its distribution keeps it)",
  },
  {
    key: "dnsProxyPort",
    flag: "--dns-proxy-port <port>",
    env: "KUMA_DNS_PROXY_PORT",
    help: "serve DNS on this port, usually 15053: names of the mesh, and the rest by the host's resolvers (default 15053 beside --transparent-proxy, else 0: not)",
  },
  {
    key: "dnsEnabled",
    flag: "--dns-enabled",
    env: "KUMA_DNS_ENABLED",
    help: "false: no DNS, whatever the port (default true)",
  },
  {
    key: "dnsAddress",
    flag: "--dns-address <ips>",
    env: "SKEIN_DNS_ADDRESS",
    help: "addresses of DNS, with commas between them (default 127.0.0.1, and ::1 where there is one)",
  },
  {
    key: "dnsResolvConf",
    flag: "--dns-resolv-conf <file>",
    env: "SKEIN_DNS_RESOLV_CONF",
    help: "names the resolvers for all other names (default /etc/resolv.conf)",
  },
  {
    key: "opaEnabled",
    flag: "--opa-enabled",
    env: "KMESH_OPA_ENABLED",
    help: "run an Open Policy Agent beside Envoy, for MeshOPA policies",
  },
  {
    key: "opaBinaryPath",
    flag: "--opa-binary-path <file>",
    env: "SKEIN_OPA",
    help: "OPA with its Envoy plugin (default: opa on PATH)",
  },
  {
    key: "opaExtAuthzAddr",
    flag: "--opa-ext-authz-addr <address>",
    env: "KMESH_OPA_EXT_AUTHZ_ADDR",
    help: "where Envoy asks the agent (default localhost:9191)",
  },
  {
    key: "opaAddr",
    flag: "--opa-addr <address>",
    env: "KMESH_OPA_ADDR",
    help: "the agent's own API (default localhost:8181)",
  },
  {
    key: "opaDiagnosticAddr",
    flag: "--opa-diagnostic-addr <address>",
    env: "KMESH_OPA_DIAGNOSTIC_ADDR",
    help: "the agent's health and metrics (default 0.0.0.0:8282)",
  },
  {
    key: "opaConfigPath",
    flag: "--opa-config-path <file>",
    env: "KMESH_OPA_CONFIG_PATH",
    help: "configuration of the agent, in place of the one that the control plane gives",
  },
  {
    key: "opaConfigOverrides",
    flag: "--opa-set <settings>",
    env: "KMESH_OPA_CONFIG_OVERRIDES",
    help: "settings of the agent, key=value, with commas between them",
  },
] as const satisfies readonly Setting[];

export type SettingKey = (typeof SETTINGS)[number]["key"];

/**
 * What the command line gave: text, texts for what repeats, or `true` for a bare switch. Absent keys fall back to the
 * environment.
 */
export type FlagValues = { readonly [Key in SettingKey]?: string | boolean | readonly string[] };

/** How errors name a setting: `--drain-time (or KUMA_DATAPLANE_DRAIN_TIME)`. */
export function settingLabel(key: SettingKey): string {
  const setting: Setting | undefined = SETTINGS.find((candidate) => candidate.key === key);
  if (setting === undefined) return key;
  const flag = setting.flag.split(" ").find((part) => part.startsWith("--")) ?? setting.flag;
  return setting.env === undefined ? flag : `${flag} (or ${setting.env})`;
}
