import { readFileSync } from "node:fs";
import { parseDocument } from "yaml";
import { isRecord, type Json } from "./json.ts";
import { LaunchError, messageOf } from "./launch-error.ts";

/** How the machine redirects connections, as the control plane is told: member names are those of the wire. */
export interface TransparentProxy {
  readonly ipFamilyMode: IpFamilyMode;
  readonly redirect: {
    readonly inbound: TrafficFlow;
    readonly outbound: TrafficFlow;
    readonly vnet: { readonly networks?: readonly string[] };
  };
}

/** Whether connections of one direction are redirected, and to which port. */
export interface TrafficFlow {
  readonly enabled: boolean;
  readonly port: number;
}

type IpFamilyMode = "dualstack" | "ipv4";

export interface TransparentSettings {
  readonly proxy: TransparentProxy;
  /** Name or id of the user whose connections are not redirected. */
  readonly user: string | undefined;
  /** Fields that mean nothing, here and to the installer. */
  readonly unknown: readonly string[];
}

const DEFAULT: TransparentProxy = {
  ipFamilyMode: "dualstack",
  redirect: {
    inbound: { enabled: true, port: 15_006 },
    outbound: { enabled: true, port: 15_001 },
    vnet: {},
  },
};

/** What a configuration of transparent proxying may hold; most of it is for who installs the rules. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  "": [
    "kumaDPUser",
    "ipFamilyMode",
    "redirect",
    "dropInvalidPackets",
    "verbose",
    "dryRun",
    "log",
    "wait",
    "waitInterval",
    "retry",
    "storeFirewalld",
    "iptablesExecutables",
    "comments",
    "cniMode",
    "ebpf",
  ],
  redirect: ["inbound", "outbound", "dns", "vnet"],
  "redirect.inbound": [
    "enabled",
    "port",
    "includePorts",
    "excludePorts",
    "excludePortsForUIDs",
    "excludePortsForIPs",
    "insertRedirectInsteadOfAppend",
  ],
  "redirect.outbound": [
    "enabled",
    "port",
    "includePorts",
    "excludePorts",
    "excludePortsForUIDs",
    "excludePortsForIPs",
    "insertRedirectInsteadOfAppend",
  ],
  "redirect.vnet": ["networks"],
};

/**
 * Reads the configuration of `--transparent-proxy-config`: files, `-` for what stands on stdin, or YAML itself; later ones win,
 * field by field. It may be the one that the rules were installed with. Without any, both directions are redirected.
 *
 * @throws LaunchError naming the source and the field
 */
export function readTransparentProxy(
  sources: readonly string[],
  read: (file: string) => string = (file) => readFileSync(file === "-" ? 0 : file, "utf8"),
): TransparentSettings {
  let merged: Json = {};
  const unknown: string[] = [];
  for (const source of sources.flatMap(separate)) {
    const { label, document } = load(source, read);
    unknown.push(...unknownFields(document, "").map((field) => `${label}: ${field}`));
    check(label, document);
    merged = merge(merged, document);
  }
  const { redirect, ipFamilyMode, kumaDPUser } = merged;
  const flows = isRecord(redirect) ? redirect : {};
  const proxy: TransparentProxy = {
    ipFamilyMode: (text(ipFamilyMode)?.toLowerCase() as IpFamilyMode | undefined) ?? DEFAULT.ipFamilyMode,
    redirect: {
      inbound: flow(flows.inbound, DEFAULT.redirect.inbound),
      outbound: flow(flows.outbound, DEFAULT.redirect.outbound),
      vnet:
        isRecord(flows.vnet) && Array.isArray(flows.vnet.networks) ? { networks: flows.vnet.networks } : {},
    },
  };
  const { inbound, outbound } = proxy.redirect;
  if (inbound.enabled && outbound.enabled && inbound.port === outbound.port) {
    throw invalid(
      "the configuration of transparent proxying",
      "redirect.outbound.port",
      `${outbound.port} is the port of redirect.inbound too; each direction needs its own`,
    );
  }
  return { proxy, user: text(kumaDPUser), unknown };
}

/** Several files may stand in one value, with commas between them; YAML is one value. */
function separate(value: string): readonly string[] {
  if (isDocument(value)) return [value];
  return value.split(",").flatMap((part) => part.trim() || []);
}

function isDocument(value: string): boolean {
  return value.includes("\n") || value.trimStart().startsWith("{");
}

function load(
  source: string,
  read: (file: string) => string,
): { readonly label: string; readonly document: Json } {
  const label = isDocument(source) ? "--transparent-proxy-config" : source === "-" ? "stdin" : source;
  let content = source;
  if (!isDocument(source)) {
    try {
      content = read(source);
    } catch (error) {
      throw new LaunchError(
        "invalid-options",
        `--transparent-proxy-config: ${label} cannot be read: ${messageOf(error)}`,
        { cause: error },
      );
    }
  }
  const parsed = parseDocument(content);
  const [mistake] = parsed.errors;
  if (mistake !== undefined)
    throw new LaunchError("invalid-options", `${label} is no YAML: ${mistake.message}`);
  const document: unknown = parsed.toJS();
  if (document === null || document === undefined) return { label, document: {} };
  if (isRecord(document)) return { label, document };
  throw new LaunchError(
    "invalid-options",
    `${label} holds no configuration of transparent proxying: write fields, such as \`redirect: {inbound: {port: 15006}}\``,
  );
}

function unknownFields(value: Json, path: string): readonly string[] {
  const known = FIELDS[path];
  if (known === undefined) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const field = path === "" ? key : `${path}.${key}`;
    if (!known.includes(key)) return [field];
    return isRecord(inner) ? unknownFields(inner, field) : [];
  });
}

function check(label: string, document: Json): void {
  const mode = document.ipFamilyMode;
  if (
    mode !== undefined &&
    mode !== null &&
    !["dualstack", "ipv4", ""].includes(String(mode).toLowerCase())
  ) {
    throw invalid(label, "ipFamilyMode", `${JSON.stringify(mode)} is neither dualstack nor ipv4`);
  }
  const { redirect } = document;
  if (redirect === undefined || redirect === null) return;
  if (!isRecord(redirect)) throw invalid(label, "redirect", "must have the fields inbound and outbound");
  for (const direction of ["inbound", "outbound"] as const) {
    const given = redirect[direction];
    if (given === undefined || given === null) continue;
    const field = `redirect.${direction}`;
    if (!isRecord(given)) throw invalid(label, field, "must have the fields enabled and port");
    if (given.enabled !== undefined && typeof given.enabled !== "boolean") {
      throw invalid(label, `${field}.enabled`, `${JSON.stringify(given.enabled)} is neither true nor false`);
    }
    if (given.port !== undefined && portOf(given.port) === undefined) {
      throw invalid(label, `${field}.port`, `${JSON.stringify(given.port)} is not a port from 1 to 65535`);
    }
  }
  const { vnet } = redirect;
  const networks = isRecord(vnet) ? vnet.networks : undefined;
  if (
    networks !== undefined &&
    !(Array.isArray(networks) && networks.every((each) => typeof each === "string"))
  ) {
    throw invalid(label, "redirect.vnet.networks", "must be a list of texts such as docker0:172.17.0.0/16");
  }
}

function invalid(label: string, field: string, reason: string): LaunchError {
  return new LaunchError("invalid-options", `${label}: ${field}: ${reason}`);
}

function flow(given: unknown, otherwise: TrafficFlow): TrafficFlow {
  if (!isRecord(given)) return otherwise;
  return {
    enabled: typeof given.enabled === "boolean" ? given.enabled : otherwise.enabled,
    port: portOf(given.port) ?? otherwise.port,
  };
}

/** The installer takes ports as texts, too. */
function portOf(value: unknown): number | undefined {
  const port = typeof value === "string" && /^\d+$/.test(value.trim()) ? Number(value) : value;
  return typeof port === "number" && Number.isInteger(port) && port > 0 && port <= 65_535 ? port : undefined;
}

function text(value: unknown): string | undefined {
  return value === undefined || value === null || value === "" ? undefined : String(value);
}

function merge(first: Json, second: Json): Json {
  const result: Json = { ...first };
  for (const [key, value] of Object.entries(second)) {
    const before = result[key];
    result[key] = isRecord(before) && isRecord(value) ? merge(before, value) : value;
  }
  return result;
}
