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
