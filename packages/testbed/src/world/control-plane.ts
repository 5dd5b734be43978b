import { join } from "node:path";
import { blockPorts } from "../net/ports.ts";
import type { Site } from "./site.ts";

/** Where a world's control plane answers, and where it keeps its things. */
export interface ControlPlaneSite {
  readonly api: string;
  readonly dataplanes: string;
  readonly diagnostics: string;
  readonly workDir: string;
  /** Certificate that sidecars trust it by. */
  readonly caFile: string;
}

export function controlPlaneSite(site: Site): ControlPlaneSite {
  const { dataplanes, diagnostics } = blockPorts(site.block.prefix);
  const workDir = join(site.dir, "cp");
  return {
    api: `http://${site.block.address(1)}:5681`,
    dataplanes: `https://127.0.0.1:${dataplanes}`,
    diagnostics: `http://127.0.0.1:${diagnostics}`,
    workDir,
    caFile: join(workDir, "kuma-cp.crt"),
  };
}

/** Settings that keep control planes on one machine apart. */
export function controlPlaneSettings(site: Site): Record<string, string> {
  const { dataplanes, diagnostics } = blockPorts(site.block.prefix);
  const address = site.block.address(1);
  return {
    KUMA_MULTIZONE_ZONE_NAME: "zone1",
    KUMA_GENERAL_WORK_DIR: join(site.dir, "cp"),
    KUMA_API_SERVER_HTTP_INTERFACE: address,
    KUMA_API_SERVER_HTTPS_INTERFACE: address,
    KUMA_DP_SERVER_PORT: String(dataplanes),
    KUMA_DIAGNOSTICS_SERVER_PORT: String(diagnostics),
  };
}

/** The command line's configuration file, in the form of `~/.kumactl/config`. */
export function ctlConfig(api: string): string {
  return `contexts:
- controlPlane: local
  name: local
controlPlanes:
- coordinates:
    apiServer:
      url: ${api}
  name: local
currentContext: local
`;
}
