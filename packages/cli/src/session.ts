import { join } from "node:path";
import type { KindDefinition } from "@skein/model";
import { type ApiClient, createApiClient } from "./client/api-client.ts";
import { type ApiServer, apiServerOf, type ConfigFile, readConfig } from "./config/config-file.ts";
import { parseDuration } from "./duration.ts";
import { usageError } from "./exit.ts";
import type { Io } from "./io.ts";
import type { Kinds } from "./kinds.ts";
import { type Paint, paintFor } from "./output/color.ts";
import { version } from "./version.ts";

/** Options that every command takes. */
export interface GlobalOptions {
  readonly configFile?: string;
  readonly context?: string;
  /** `false` with `--no-config`: http://localhost:5681, and no file is read or written. */
  readonly config?: boolean;
  readonly apiTimeout: string;
  readonly logLevel: string;
}

/** What one run of the program offers its command. Everything costly is made when first asked for. */
export interface Session {
  readonly io: Io;
  readonly paint: Paint;
  readonly configPath: string;
  readonly readConfig: () => Promise<ConfigFile>;
  readonly client: () => Promise<ApiClient>;
  /** A client for a server that is not (yet) in the configuration. */
  readonly clientFor: (server: ApiServer) => ApiClient;
  readonly kinds: () => Promise<Kinds<KindDefinition>>;
  readonly close: () => void;
}

const logLevels = ["off", "info", "debug"];

export function createSession(
  io: Io,
  globals: GlobalOptions,
  loadKinds: () => Promise<Kinds<KindDefinition>>,
): Session {
  const timeoutMs = parseDuration(globals.apiTimeout);
  if (timeoutMs === undefined) {
    throw usageError(`--api-timeout "${globals.apiTimeout}" is not a duration; write it like 30s or 1m`);
  }
  if (!logLevels.includes(globals.logLevel)) {
    throw usageError(`unknown log level "${globals.logLevel}": it must be one of ${logLevels.join(", ")}`);
  }
  const configPath =
    globals.configFile ??
    io.env.SKEINCTL_CONFIG ??
    io.env.KUMACTL_CONFIG ??
    join(io.home, ".kumactl", "config");
  const clients: ApiClient[] = [];
  let config: Promise<ConfigFile> | undefined;
  let client: Promise<ApiClient> | undefined;
  let kinds: Promise<Kinds<KindDefinition>> | undefined;

  function clientFor(server: ApiServer): ApiClient {
    const created = createApiClient(server, {
      userAgent: `${io.programName}/${version} (${process.platform}; ${process.arch}; skein)`,
      timeoutMs: timeoutMs ?? 0,
      now: io.now,
      ...(globals.logLevel === "off" ? {} : { log: (line: string) => io.err(`${line}\n`) }),
    });
    clients.push(created);
    return created;
  }

  function readConfigOnce(): Promise<ConfigFile> {
    config ??= readConfig(configPath);
    return config;
  }

  async function currentClient(): Promise<ApiClient> {
    if (globals.config === false) return clientFor({ url: "http://localhost:5681" });
    const file = await readConfigOnce();
    return clientFor(apiServerOf(file, globals.context ?? file.currentContext));
  }

  return {
    io,
    paint: paintFor(io),
    configPath,
    readConfig: readConfigOnce,
    client: () => {
      client ??= currentClient();
      return client;
    },
    clientFor,
    kinds: () => {
      kinds ??= loadKinds();
      return kinds;
    },
    close: () => {
      for (const created of clients) created.close();
    },
  };
}
