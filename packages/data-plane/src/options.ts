import { isIP } from "node:net";
import { parseDuration } from "@skein/model/duration";
import type { Violation } from "@skein/model/violation";
import { LOG_LEVELS, type LogLevel } from "./log.ts";
import { type FlagValues, SETTINGS, type SettingKey, settingLabel } from "./settings.ts";
import { findSystemCa } from "./system-ca.ts";

export type ProxyType = "dataplane" | "ingress" | "egress";

/** Everything `skein-dp run` was told, typed, with defaults filled in. */
export interface RunOptions {
  readonly cpAddress: URL;
  readonly caCert: string | undefined;
  readonly caCertFile: string | undefined;
  readonly skipVerify: boolean;
  readonly retryBackoffMs: number;
  readonly retryMaxMs: number;
  readonly name: string | undefined;
  readonly mesh: string | undefined;
  readonly proxyType: ProxyType;
  readonly dataplane: string | undefined;
  /** `-` reads stdin. */
  readonly dataplaneFile: string | undefined;
  readonly token: string | undefined;
  readonly tokenFile: string | undefined;
  readonly binaryPath: string | undefined;
  readonly workDir: string | undefined;
  readonly concurrency: number | undefined;
  readonly envoyLogLevel: string;
  readonly envoyComponentLogLevel: string | undefined;
  readonly drainTimeMs: number;
  readonly readinessPort: number;
  readonly readinessAddress: string;
  readonly lean: boolean;
  readonly logLevel: LogLevel;
  readonly logJson: boolean;
  readonly deltaXds: boolean;
  readonly unifiedNaming: boolean;
  readonly bindOutbounds: boolean;
  /** Where the configuration of transparent proxying is; `undefined`: there is none of it. */
  readonly transparentProxy: readonly string[] | undefined;
  /** Name or id of the user to become. */
  readonly user: string | undefined;
  readonly strictInboundPorts: boolean;
  readonly reusePort: boolean;
  /** `undefined`: look at the host. */
  readonly ipv6: boolean | undefined;
  readonly maxMemoryBytes: number | undefined;
  readonly metricsCertPath: string;
  readonly metricsKeyPath: string;
  readonly systemCaPath: string;
  readonly hostIp: string | undefined;
  /** DNS for applications; `undefined`: none. */
  readonly dns: DnsOptions | undefined;
  /** The authorization agent; `undefined`: none. */
  readonly opa: OpaOptions | undefined;
}

/** Where DNS is served. */
export interface DnsOptions {
  readonly port: number;
  /** Somebody chose the port; where nobody did, that of the machine's rules counts. */
  readonly isChosen: boolean;
  /** `undefined`: the loopback addresses that the host has. */
  readonly addresses: readonly string[] | undefined;
  readonly resolvConf: string;
}

/** How an Open Policy Agent is run beside Envoy. Addresses are a host and a port. */
export interface OpaOptions {
  readonly binaryPath: string | undefined;
  readonly extAuthzAddress: string;
  readonly address: string;
  readonly diagnosticAddress: string;
  readonly configPath: string | undefined;
  readonly overrides: readonly string[];
}

export type OptionsOutcome =
  | { readonly kind: "ok"; readonly options: RunOptions }
  | { readonly kind: "invalid"; readonly violations: readonly Violation[] };

type Environment = Readonly<Record<string, string | undefined>>;

/** Where the rules of transparent proxying lead DNS. */
const USUAL_DNS_PORT = 15_053;

const ENVOY_LEVELS = ["trace", "debug", "info", "warning", "warn", "error", "critical", "off"] as const;

/** Merges the command line with the environment (the command line wins) and reports every mistake at once. */
export function resolveOptions(flags: FlagValues, env: Environment): OptionsOutcome {
  const read = reader(flags, env);
  const logLevel = read.oneOf("logLevel", LOG_LEVELS, "info");
  const pod = env.POD_NAME && env.POD_NAMESPACE ? `${env.POD_NAME}.${env.POD_NAMESPACE}` : undefined;
  const name = read.identifier("name");
  const options: RunOptions = {
    cpAddress: read.url("cpAddress", "https://localhost:5678"),
    caCert: read.text("caCert"),
    caCertFile: read.text("caCertFile"),
    skipVerify: read.flag("skipVerify", false),
    retryBackoffMs: read.duration("retryBackoff", 3_000),
    retryMaxMs: read.duration("retryMaxDuration", 300_000),
    name: name ?? pod,
    mesh: read.identifier("mesh"),
    proxyType: read.oneOf("proxyType", ["dataplane", "ingress", "egress"], "dataplane"),
    dataplane: read.text("dataplane"),
    dataplaneFile: read.text("dataplaneFile"),
    token: read.text("token"),
    tokenFile: read.text("tokenFile"),
    binaryPath: read.text("binaryPath"),
    workDir: read.text("workDir") ?? env.KUMA_DATAPLANE_RUNTIME_CONFIG_DIR,
    concurrency: read.integer("concurrency", 1, 1024),
    envoyLogLevel: read.oneOf("envoyLogLevel", ENVOY_LEVELS, logLevel),
    envoyComponentLogLevel: read.text("envoyComponentLogLevel"),
    drainTimeMs: read.duration("drainTime", 30_000),
    readinessPort: read.integer("readinessPort", 1, 65_535) ?? 9902,
    readinessAddress: read.text("readinessAddress") ?? (pod === undefined ? "127.0.0.1" : "0.0.0.0"),
    lean: read.flag("lean", false),
    logLevel,
    logJson: read.oneOf("logFormat", ["text", "json"], "text") === "json",
    deltaXds: read.oneOf("xdsVariant", ["DELTA_GRPC", "GRPC"], "DELTA_GRPC") === "DELTA_GRPC",
    unifiedNaming: read.flag("unifiedNaming", false),
    bindOutbounds: read.flag("bindOutbounds", false),
    transparentProxy: transparentProxy(read),
    user: read.text("user"),
    strictInboundPorts: read.flag("strictInboundPorts", true),
    reusePort: read.flag("reusePort", true),
    ipv6: read.maybeFlag("ipv6"),
    maxMemoryBytes: read.integer("maxMemory", 1, Number.MAX_SAFE_INTEGER),
    metricsCertPath: read.text("metricsCertPath") ?? "",
    metricsKeyPath: read.text("metricsKeyPath") ?? "",
    systemCaPath: read.text("systemCaPath") ?? findSystemCa() ?? "",
    hostIp: env.HOST_IP || undefined,
    dns: dnsOptions(read),
    opa: read.flag("opaEnabled", false)
      ? {
          binaryPath: read.text("opaBinaryPath"),
          extAuthzAddress: read.address("opaExtAuthzAddr", "localhost:9191"),
          address: read.address("opaAddr", "localhost:8181"),
          diagnosticAddress: read.address("opaDiagnosticAddr", "0.0.0.0:8282"),
          configPath: read.text("opaConfigPath"),
          overrides: (read.text("opaConfigOverrides") ?? "").split(",").filter((each) => each !== ""),
        }
      : undefined,
  };
  const violations = [...read.violations, ...conflicts(options, name)];
  return violations.length === 0 ? { kind: "ok", options } : { kind: "invalid", violations };
}

/** A configuration says that there is transparent proxying, too. */
function transparentProxy(read: ReturnType<typeof reader>): readonly string[] | undefined {
  const sources = read.texts("transparentProxyConfig");
  return read.flag("transparentProxy", false) || sources.length > 0 ? sources : undefined;
}

/** Beside transparent proxying it is there unless somebody says otherwise: applications call by name. */
function dnsOptions(read: ReturnType<typeof reader>): DnsOptions | undefined {
  const chosen = read.integer("dnsProxyPort", 0, 65_535);
  const isExpected = transparentProxy(read) !== undefined && !read.flag("lean", false);
  const port = chosen ?? (isExpected ? USUAL_DNS_PORT : 0);
  const addresses = read.addresses("dnsAddress");
  const resolvConf = read.text("dnsResolvConf") ?? "/etc/resolv.conf";
  return read.flag("dnsEnabled", true) && port !== 0
    ? { port, isChosen: chosen !== undefined, addresses, resolvConf }
    : undefined;
}

function conflicts(options: RunOptions, givenName: string | undefined): Violation[] {
  const found: Violation[] = [];
  if (options.lean && options.opa !== undefined) {
    found.push({
      field: "--lean, --opa-enabled",
      reason: "nobody stays to run the agent in lean mode; leave out --lean, or run OPA by yourself",
    });
  }
  if (options.transparentProxy !== undefined && options.bindOutbounds) {
    found.push({
      field: "--transparent-proxy, --bind-outbounds",
      reason: "are two ways to take the application's calls; leave one of them out",
    });
  }
  if (options.dataplaneFile === "-" && options.transparentProxy?.includes("-")) {
    found.push({
      field: "--dataplane-file, --transparent-proxy-config",
      reason: "cannot both be read from stdin; write one of them to a file",
    });
  }
  if (options.lean && options.dns !== undefined) {
    found.push({
      field: "--lean, --dns-proxy-port",
      reason:
        "nobody stays to serve DNS in lean mode, and Envoy's own DNS would break other questions than those for addresses; leave out --lean",
    });
  }
  const hasDocument = options.dataplane !== undefined || options.dataplaneFile !== undefined;
  if (options.dataplane !== undefined && options.dataplaneFile !== undefined) {
    found.push({ field: "--dataplane", reason: "give either --dataplane or --dataplane-file, not both" });
  }
  if (hasDocument && (givenName !== undefined || options.mesh !== undefined)) {
    found.push({
      field: "--name, --mesh",
      reason:
        "belong to a Dataplane that exists already; leave them out with --dataplane-file, which names both",
    });
  }
  if (!hasDocument && options.name === undefined) {
    found.push({
      field: "--dataplane-file",
      reason:
        "say which proxy this is: --dataplane-file FILE, or --name NAME of a Dataplane that exists already",
    });
  }
  return found;
}

function reader(flags: FlagValues, env: Environment) {
  const violations: Violation[] = [];
  const reject = (key: SettingKey, reason: string) => {
    violations.push({ field: settingLabel(key), reason });
  };
  const raw = (key: SettingKey): string | undefined => {
    const flag = flags[key];
    if (flag !== undefined) return String(flag);
    const setting = SETTINGS.find((candidate) => candidate.key === key);
    return (setting === undefined ? undefined : env[setting.env]) || undefined;
  };
  const maybeFlag = (key: SettingKey): boolean | undefined => {
    const text = raw(key)?.toLowerCase();
    if (text === undefined) return undefined;
    if (["true", "1", "t", "yes"].includes(text)) return true;
    if (["false", "0", "f", "no"].includes(text)) return false;
    reject(key, `${JSON.stringify(text)} is neither true nor false`);
    return undefined;
  };
  return {
    violations,
    text: raw,
    texts(key: SettingKey): readonly string[] {
      const flag = flags[key];
      if (Array.isArray(flag)) return flag;
      const text = raw(key);
      return text === undefined ? [] : [text];
    },
    maybeFlag,
    flag: (key: SettingKey, otherwise: boolean): boolean => maybeFlag(key) ?? otherwise,
    url(key: SettingKey, otherwise: string): URL {
      const text = raw(key) ?? otherwise;
      const url = URL.canParse(text) ? new URL(text) : undefined;
      if (url?.protocol === "https:" || url?.protocol === "http:") return url;
      reject(key, `${JSON.stringify(text)} is not a URL; write https://HOST:5678`);
      return new URL(otherwise);
    },
    address(key: SettingKey, otherwise: string): string {
      const text = raw(key) ?? otherwise;
      if (/^([\w.-]+|\[[\da-fA-F:.]+\]):\d{1,5}$/.test(text) && URL.canParse(`http://${text}`)) return text;
      reject(key, `${JSON.stringify(text)} is not a host and a port; write for example ${otherwise}`);
      return otherwise;
    },
    addresses(key: SettingKey): readonly string[] | undefined {
      const list = raw(key)
        ?.split(",")
        .map((each) => each.trim());
      const wrong = list?.find((each) => isIP(each) === 0);
      if (wrong !== undefined) reject(key, `${JSON.stringify(wrong)} is not an IP address`);
      return list;
    },
    duration(key: SettingKey, otherwise: number): number {
      const text = raw(key);
      if (text === undefined) return otherwise;
      const nanos = parseDuration(text);
      if (nanos !== undefined && nanos > 0n) return Number(nanos / 1_000_000n);
      reject(key, `${JSON.stringify(text)} is not a positive duration; write for example 30s or 1m30s`);
      return otherwise;
    },
    integer(key: SettingKey, min: number, max: number): number | undefined {
      const text = raw(key);
      if (text === undefined) return undefined;
      const value = Number(text);
      if (Number.isSafeInteger(value) && value >= min && value <= max) return value;
      reject(key, `${JSON.stringify(text)} is not a whole number from ${min} to ${max}`);
      return undefined;
    },
    oneOf<Choice extends string>(key: SettingKey, choices: readonly Choice[], otherwise: Choice): Choice {
      const text = raw(key);
      if (text === undefined) return otherwise;
      const choice = choices.find((candidate) => candidate === text);
      if (choice === undefined) reject(key, `${JSON.stringify(text)} is not one of ${choices.join(", ")}`);
      return choice ?? otherwise;
    },
    identifier(key: SettingKey): string | undefined {
      const text = raw(key);
      if (text === undefined || !/[$(){}/\s]/.test(text)) return text;
      reject(key, `${JSON.stringify(text)} has characters that no name has; is a variable left unreplaced?`);
      return undefined;
    },
  };
}
