import type { Commands } from "./commands.ts";

/** Settings of one sidecar: everything it writes goes into `dir`, everything it listens on is at `address`. */
export function sidecarSettings(dir: string, address: string, commands: Commands): Record<string, string> {
  return {
    KUMA_READINESS_PORT: "9902",
    SKEIN_READINESS_ADDRESS: address,
    KUMA_DATAPLANE_RUNTIME_BINARY_PATH: commands.envoy,
    KUMA_DATAPLANE_RUNTIME_WORK_DIR: dir,
    KUMA_DATAPLANE_RUNTIME_CONCURRENCY: "1",
    KUMA_DATAPLANE_DRAIN_TIME: "5s",
    KUMA_DATAPLANE_RUNTIME_ENVOY_LOG_LEVEL: "warning",
  };
}

/** Settings of a sidecar that serves DNS. */
export function dnsSettings(address: string, resolvConf: string): Record<string, string> {
  return {
    KUMA_DNS_PROXY_PORT: "15053",
    SKEIN_DNS_ADDRESS: address,
    SKEIN_DNS_RESOLV_CONF: resolvConf,
  };
}

/** Settings of a sidecar with an authorization agent. */
export function agentSettings(address: string, program: string): Record<string, string> {
  return {
    KMESH_OPA_ENABLED: "true",
    SKEIN_OPA: program,
    KMESH_OPA_EXT_AUTHZ_ADDR: `${address}:9191`,
    KMESH_OPA_ADDR: `${address}:8181`,
    KMESH_OPA_DIAGNOSTIC_ADDR: `${address}:8282`,
  };
}
