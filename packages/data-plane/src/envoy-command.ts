import type { RunOptions } from "./options.ts";

export interface EnvoyCommandInputs {
  readonly binary: string;
  readonly configFile: string;
  readonly options: Pick<
    RunOptions,
    "concurrency" | "drainTimeMs" | "envoyComponentLogLevel" | "envoyLogLevel" | "logJson"
  >;
}

export interface Command {
  readonly file: string;
  readonly args: readonly string[];
}

const JSON_LOG_FORMAT = '{"time":"%Y-%m-%dT%T.%e%z","level":"%l","logger":"envoy.%n","message":"%j"}';

/** Envoy's command line. */
export function envoyCommand({ binary, configFile, options }: EnvoyCommandInputs): Command {
  return {
    file: binary,
    args: [
      "--config-path",
      configFile,
      "--drain-time-s",
      String(Math.max(1, Math.ceil(options.drainTimeMs / 1_000))),
      "--drain-strategy",
      "immediate",
      "--disable-hot-restart",
      "--log-level",
      options.envoyLogLevel === "warn" ? "warning" : options.envoyLogLevel,
      ...(options.envoyComponentLogLevel === undefined
        ? []
        : ["--component-log-level", options.envoyComponentLogLevel]),
      ...(options.logJson ? ["--log-format", JSON_LOG_FORMAT] : []),
      ...(options.concurrency === undefined
        ? ["--cpuset-threads"]
        : ["--concurrency", String(options.concurrency)]),
    ],
  };
}

/**
 * The same command, ended by the kernel when the process that started it dies in any way, `kill -9` included.
 * `setpriv` is util-linux's.
 */
export function boundToParent(setpriv: string, command: Command): Command {
  return { file: setpriv, args: ["--pdeathsig", "TERM", "--", command.file, ...command.args] };
}
