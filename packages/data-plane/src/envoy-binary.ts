import { execFile } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { LaunchError, messageOf } from "./launch-error.ts";

/** What `envoy --version` says of itself. */
export interface EnvoyVersion {
  /** `1.40.0`. */
  readonly version: string;
  /** The whole build string: commit, version, state, type and TLS library. */
  readonly build: string;
}

/** Reads the answer of `envoy --version`; `undefined` when it is not one. */
export function parseEnvoyVersion(output: string): EnvoyVersion | undefined {
  const build = /version:\s*(\S+)/.exec(output)?.[1];
  const version = build?.split("/")[1];
  return build === undefined || version === undefined || !/^\d+\.\d+\.\d+/.test(version)
    ? undefined
    : { version, build };
}

/** Runs `envoy --version`. */
export async function readEnvoyVersion(binary: string): Promise<EnvoyVersion> {
  try {
    const { stdout } = await promisify(execFile)(binary, ["--version"], { timeout: 15_000 });
    const version = parseEnvoyVersion(stdout);
    if (version !== undefined) return version;
  } catch (error) {
    throw new LaunchError("envoy-not-found", `${binary} does not run: ${messageOf(error)}`, { cause: error });
  }
  throw new LaunchError("envoy-not-found", `${binary} --version does not answer like Envoy.`);
}

/**
 * Finds Envoy: the file that was named, else `$SKEIN_ENVOY`, else `envoy` on the PATH, else the one a checkout of this
 * repository keeps. The result is a path to an executable file.
 */
export function findEnvoy(
  named: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
  checkout: string,
): string {
  const explicit = named ?? env.SKEIN_ENVOY;
  if (explicit?.includes("/")) {
    if (isExecutable(explicit)) return explicit;
    throw new LaunchError(
      "envoy-not-found",
      `${explicit} is not an executable file; name Envoy with --binary-path.`,
    );
  }
  const command = explicit ?? "envoy";
  const found =
    findOnPath(command, env.PATH) ?? (explicit === undefined ? onlyExecutable(checkout) : undefined);
  if (found !== undefined) return found;
  throw new LaunchError(
    "envoy-not-found",
    `There is no ${command} on the PATH. Install Envoy, or name it with --binary-path or SKEIN_ENVOY.`,
  );
}

/** The first executable of that name on a PATH. */
export function findOnPath(command: string, path: string | undefined): string | undefined {
  return (path ?? "")
    .split(delimiter)
    .filter((directory) => directory !== "")
    .map((directory) => join(directory, command))
    .find(isExecutable);
}

function onlyExecutable(file: string): string | undefined {
  return isExecutable(file) ? file : undefined;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
