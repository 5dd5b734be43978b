import { resolve } from "node:path";
import type { ControlPlane } from "./control-plane-http.ts";
import { findOnPath } from "./envoy-binary.ts";
import type { Command } from "./envoy-command.ts";
import { LaunchError } from "./launch-error.ts";
import type { OpaOptions } from "./options.ts";

export interface AgentBootInputs {
  readonly mesh: string;
  readonly name: string;
  readonly extAuthzAddress: string;
  readonly controlPlane: ControlPlane;
  /** Files in which the agent finds whom to trust, and the proxy's token. */
  readonly caFile: string | undefined;
  readonly tokenFile: string | undefined;
}

const SERVICE = "kmesh";

/**
 * The configuration that an agent starts with: where it finds all the rest, which it follows from then on. It reads the
 * token again for every question, so a renewed one needs no restart.
 */
export function agentBootConfig(inputs: AgentBootInputs): Record<string, unknown> {
  const { controlPlane, caFile, tokenFile } = inputs;
  const path = `/opa/${encodeURIComponent(inputs.mesh)}/${encodeURIComponent(inputs.name)}`;
  return {
    services: {
      [SERVICE]: {
        url: controlPlane.address.replace(/\/$/, ""),
        ...(tokenFile === undefined ? {} : { credentials: { bearer: { token_path: tokenFile } } }),
        ...(caFile === undefined ? {} : { tls: { ca_cert: caFile } }),
        ...(controlPlane.skipVerify === true ? { allow_insecure_tls: true } : {}),
      },
    },
    discovery: {
      service: SERVICE,
      resource: `${path}/discovery.tar.gz?addr=${encodeURIComponent(inputs.extAuthzAddress)}`,
      polling: { long_polling_timeout_seconds: 30 },
    },
    labels: { mesh: inputs.mesh, dataplane: inputs.name },
  };
}

/** OPA's command line. */
export function opaCommand(binary: string, configFile: string, opa: OpaOptions): Command {
  return {
    file: binary,
    args: [
      "run",
      "--server",
      ...["--addr", opa.address, "--diagnostic-addr", opa.diagnosticAddress],
      ...["--config-file", configFile, "--skip-version-check"],
      ...opa.overrides.flatMap((each) => ["--set", each]),
    ],
  };
}

/** The file that was named, else `opa` on the PATH. */
export function findOpa(named: string | undefined, path: string | undefined): string {
  const found = named?.includes("/") ? resolve(named) : findOnPath(named ?? "opa", path);
  if (found !== undefined) return found;
  throw new LaunchError(
    "opa-not-found",
    `There is no ${named ?? "opa"} on the PATH. Install OPA with its Envoy plugin, name it with --opa-binary-path, or leave out --opa-enabled.`,
  );
}
