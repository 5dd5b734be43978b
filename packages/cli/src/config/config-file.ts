import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { CliError } from "../exit.ts";
import { isObject, type JsonObject, listAt, objectAt, textAt, valueAt } from "../read.ts";

/** How to reach the API of one control plane. */
export interface ApiServer {
  readonly url: string;
  readonly caCertFile?: string;
  readonly clientCertFile?: string;
  readonly clientKeyFile?: string;
  readonly headers?: readonly { readonly key: string; readonly value: string }[];
  /** The bearer token of `authType: tokens`. */
  readonly token?: string;
  readonly skipVerify?: boolean;
}

/**
 * The file that kumactl keeps, as it stands: fields that we do not know stay in `raw` documents and survive a rewrite.
 */
export interface ConfigFile {
  readonly controlPlanes: readonly JsonObject[];
  readonly contexts: readonly JsonObject[];
  readonly currentContext: string;
  readonly rest: JsonObject;
}

/** What a machine without a configuration file has. */
export const defaultConfig: ConfigFile = {
  contexts: [{ name: "local", controlPlane: "local" }],
  controlPlanes: [{ name: "local", coordinates: { apiServer: { url: "http://localhost:5681" } } }],
  currentContext: "local",
  rest: {},
};

/** Reads the file; one that does not exist is {@link defaultConfig}. Reading never writes. */
export async function readConfig(path: string): Promise<ConfigFile> {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (cause) {
    if (isObject(cause) && cause.code === "ENOENT") return defaultConfig;
    throw new CliError(`cannot read the configuration file "${path}"`, { cause });
  }
  const { parse } = await import("../yaml.ts");
  let value: unknown;
  try {
    value = parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split("\n")[0] : "";
    throw new CliError(`the configuration file "${path}" is not YAML: ${reason}`, { cause });
  }
  if (value === null || value === undefined) return defaultConfig;
  if (!isObject(value)) throw new CliError(`the configuration file "${path}" must hold a mapping`);
  const { contexts: _contexts, controlPlanes: _controlPlanes, currentContext: _current, ...rest } = value;
  return {
    contexts: listAt(value, "contexts").filter(isObject),
    controlPlanes: listAt(value, "controlPlanes").filter(isObject),
    currentContext: textAt(value, "currentContext"),
    rest,
  };
}

/** The file's content as plain data, in the order that users know. */
export function configDocument(config: ConfigFile): JsonObject {
  return {
    ...config.rest,
    contexts: config.contexts,
    controlPlanes: config.controlPlanes,
    currentContext: config.currentContext,
  };
}

/** Replaces the file as a whole, readable by its owner only: it may hold tokens. */
export async function writeConfig(path: string, config: ConfigFile): Promise<void> {
  const { toYaml } = await import("../output/format.ts");
  const text = await toYaml(configDocument(config));
  const temporary = `${path}.new`;
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    writeFileSync(temporary, text, { mode: 0o600 });
    chmodSync(temporary, 0o600);
    renameSync(temporary, path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : "";
    throw new CliError(`cannot write the configuration file "${path}": ${reason}`, { cause });
  }
}

/** The server that a context (or, failing that, a control plane) of that name stands for. */
export function apiServerOf(config: ConfigFile, name: string): ApiServer {
  const context = config.contexts.find((candidate) => candidate.name === name);
  const controlPlaneName = context === undefined ? name : textAt(context, "controlPlane") || name;
  const controlPlane = config.controlPlanes.find((candidate) => candidate.name === controlPlaneName);
  if (controlPlane === undefined) {
    const known = config.controlPlanes.map((candidate) => textAt(candidate, "name")).join(", ");
    throw new CliError(
      name === ""
        ? 'no control plane is selected: use "config control-planes switch --name <name>"'
        : `there is no control plane "${name}" in the configuration (it has: ${known || "none"})`,
    );
  }
  return parseApiServer(objectAt(controlPlane, "coordinates", "apiServer"));
}

function parseApiServer(server: JsonObject): ApiServer {
  const optional = (key: string): Record<string, string> =>
    textAt(server, key) === "" ? {} : { [key]: textAt(server, key) };
  const authType = textAt(server, "authType");
  if (authType !== "" && authType !== "tokens") {
    throw new CliError(`the configuration asks for authentication by "${authType}"; only "tokens" is known`);
  }
  const token = textAt(server, "authConf", "token");
  return {
    url: textAt(server, "url"),
    ...optional("caCertFile"),
    ...optional("clientCertFile"),
    ...optional("clientKeyFile"),
    headers: listAt(server, "headers").map((header) => ({
      key: textAt(header, "key"),
      value: textAt(header, "value"),
    })),
    ...(authType === "tokens" && token !== "" ? { token } : {}),
    skipVerify: valueAt(server, "skipVerify") === true,
  };
}
