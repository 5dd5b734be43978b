import { resolve } from "node:path";
import { parseJsonObject } from "../client/api-client.ts";
import { apiErrorOf } from "../client/api-error.ts";
import { knownProducts } from "../client/compatibility.ts";
import { type ApiServer, type ConfigFile, configDocument, writeConfig } from "../config/config-file.ts";
import { CliError, usageError } from "../exit.ts";
import { parseKeyValues } from "../key-values.ts";
import { toYaml } from "../output/format.ts";
import { renderTable } from "../output/table.ts";
import { type JsonObject, textAt } from "../read.ts";
import type { Session } from "../session.ts";
import { didYouMean } from "../suggest.ts";

export interface AddControlPlaneOptions {
  readonly name: string;
  readonly address: string;
  readonly overwrite?: boolean;
  readonly authType?: string;
  readonly authConf: readonly string[];
  readonly caCertFile?: string;
  readonly clientCertFile?: string;
  readonly clientKeyFile?: string;
  readonly headers: readonly string[];
  readonly skipVerify?: boolean;
  readonly skipCheck?: boolean;
}

/** `config control-planes add`: checks that a control plane answers, stores how to reach it and makes it the active one. */
export async function addControlPlane(session: Session, options: AddControlPlaneOptions): Promise<void> {
  const { document, server } = describeServer(options);
  const config = await session.readConfig();
  const isKnown = config.controlPlanes.some((controlPlane) => controlPlane.name === options.name);
  if (isKnown && options.overwrite !== true) {
    throw new CliError(
      `Control Plane with name "${options.name}" already exists. Use --overwrite to replace an existing one.`,
    );
  }
  if (options.skipCheck !== true) await checkServer(session, server);
  const others = (list: readonly JsonObject[]): readonly JsonObject[] =>
    list.filter((entry) => entry.name !== options.name);
  await writeConfig(session.configPath, {
    ...config,
    controlPlanes: [
      ...others(config.controlPlanes),
      { name: options.name, coordinates: { apiServer: document } },
    ],
    contexts: [...others(config.contexts), { name: options.name, controlPlane: options.name }],
    currentContext: options.name,
  });
  session.io.out(
    `added Control Plane "${options.name}"\nswitched active Control Plane to "${options.name}"\n`,
  );
}

/** `config control-planes list`. */
export async function listControlPlanes(session: Session): Promise<void> {
  const config = await session.readConfig();
  const active = activeControlPlane(config);
  const rows = config.controlPlanes.map((controlPlane) => [
    textAt(controlPlane, "name") === active ? "*" : "",
    textAt(controlPlane, "name"),
    textAt(controlPlane, "coordinates", "apiServer", "url"),
  ]);
  session.io.out(renderTable(["ACTIVE", "NAME", "ADDRESS"], rows));
}

/** `config control-planes remove`. */
export async function removeControlPlane(
  session: Session,
  { name }: { readonly name: string },
): Promise<void> {
  const config = await session.readConfig();
  demandControlPlane(config, name);
  const wasActive = activeControlPlane(config) === name;
  const contexts = config.contexts.filter((context) => context.controlPlane !== name);
  const controlPlanes = config.controlPlanes.filter((controlPlane) => controlPlane.name !== name);
  const next = textAt(contexts[0], "name");
  const currentContext = wasActive ? next : config.currentContext;
  await writeConfig(session.configPath, { ...config, contexts, controlPlanes, currentContext });
  session.io.out(`removed Control Plane "${name}"\n`);
  if (wasActive && next !== "") session.io.out(`switched active Control Plane to "${next}"\n`);
}

/** `config control-planes switch`. */
export async function switchControlPlane(
  session: Session,
  { name }: { readonly name: string },
): Promise<void> {
  const config = await session.readConfig();
  const context =
    config.contexts.find((candidate) => candidate.name === name) ??
    config.contexts.find((candidate) => candidate.controlPlane === name);
  if (context === undefined) demandControlPlane(config, name);
  const contexts =
    context === undefined ? [...config.contexts, { name, controlPlane: name }] : config.contexts;
  await writeConfig(session.configPath, {
    ...config,
    contexts,
    currentContext: textAt(context, "name") || name,
  });
  session.io.out(`switched active Control Plane to "${name}"\n`);
}

/** `config view`: the configuration in force, tokens masked. */
export async function viewConfig(session: Session): Promise<void> {
  session.io.out(await toYaml(maskTokens(configDocument(await session.readConfig()))));
}

function maskTokens(value: unknown, key = ""): unknown {
  if (Array.isArray(value)) return value.map((item) => maskTokens(item));
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, maskTokens(inner, name)]));
  }
  return key === "token" && typeof value === "string" && value !== "" ? "*****" : value;
}

function describeServer(options: AddControlPlaneOptions): { document: JsonObject; server: ApiServer } {
  if (!URL.canParse(options.address) || !["http:", "https:"].includes(new URL(options.address).protocol)) {
    throw usageError(`--address "${options.address}" is not an http:// or https:// URL`);
  }
  if ((options.clientCertFile === undefined) !== (options.clientKeyFile === undefined)) {
    throw usageError("--client-cert-file and --client-key-file must be given together");
  }
  const authConf = Object.fromEntries(parseKeyValues("--auth-conf", options.authConf));
  if (options.authType !== undefined && options.authType !== "tokens") {
    throw usageError(`--auth-type "${options.authType}" is not known; it must be tokens`);
  }
  if (options.authType === "tokens" && (authConf.token ?? "") === "") {
    throw usageError("--auth-type=tokens needs --auth-conf token=<token>");
  }
  const headers = parseKeyValues("--headers", options.headers).map(([key, value]) => ({ key, value }));
  const files = {
    ...(options.caCertFile === undefined ? {} : { caCertFile: resolve(options.caCertFile) }),
    ...(options.clientCertFile === undefined ? {} : { clientCertFile: resolve(options.clientCertFile) }),
    ...(options.clientKeyFile === undefined ? {} : { clientKeyFile: resolve(options.clientKeyFile) }),
  };
  const document = {
    url: options.address,
    ...files,
    ...(headers.length === 0 ? {} : { headers }),
    ...(options.authType === undefined ? {} : { authType: options.authType, authConf }),
    ...(options.skipVerify === true ? { skipVerify: true } : {}),
  };
  return {
    document,
    server: { url: options.address, ...files, headers, skipVerify: options.skipVerify ?? false },
  };
}

async function checkServer(session: Session, server: ApiServer): Promise<void> {
  const client = session.clientFor(server);
  const response = await client.request("GET", "/", { authenticated: false });
  if (response.status >= 400) throw apiErrorOf(response.status, response.body);
  const index = parseJsonObject(response, server.url);
  const product = textAt(index, "product");
  if (knownProducts.includes(product) || textAt(index, "version").includes("preview")) return;
  throw new CliError(
    `this CLI is for ${knownProducts.join(", ")}, but ${server.url} is ${product === "" ? "none of them" : product}. Use --skip-check to add it nevertheless`,
  );
}

function activeControlPlane(config: ConfigFile): string {
  const context = config.contexts.find((candidate) => candidate.name === config.currentContext);
  return textAt(context, "controlPlane") || config.currentContext;
}

function demandControlPlane(config: ConfigFile, name: string): void {
  const names = config.controlPlanes.map((controlPlane) => textAt(controlPlane, "name"));
  if (names.includes(name)) return;
  throw new CliError(`there is no Control Plane with name "${name}"${didYouMean(name, names)}`);
}
