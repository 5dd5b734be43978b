import { readFileSync } from "node:fs";
import { type ConfigFile, loadConfig } from "@skein/transparent-proxy/config/load";
import { SettingError } from "@skein/transparent-proxy/config/setting-error";
import { LaunchError, messageOf } from "./launch-error.ts";

/** How the machine redirects connections, as the control plane is told: member names are those of the wire. */
export interface TransparentProxy {
  readonly ipFamilyMode: "dualstack" | "ipv4";
  readonly redirect: {
    readonly inbound: TrafficFlow;
    readonly outbound: TrafficFlow;
    readonly vnet: { readonly networks: readonly string[] };
  };
}

/** Whether connections of one direction are redirected, and to which port. */
export interface TrafficFlow {
  readonly enabled: boolean;
  readonly port: number;
}

export interface TransparentSettings {
  readonly proxy: TransparentProxy;
  /** Name or id of the user whose connections are not redirected. */
  readonly user: string | undefined;
  /** Where the rules lead DNS; absent where they leave it alone. */
  readonly dnsPort: number | undefined;
  /** Interfaces whose networks ask here, too; `br+` is all that begin with `br`. */
  readonly interfaces: readonly string[];
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the configuration that the rules of the machine are installed with, from wherever `install transparent-proxy`
 * takes it: the files of `--transparent-proxy-config` (`-` for what stands on stdin, or YAML itself; later ones win, field
 * by field) and `KUMA_TRANSPARENT_PROXY_…` in the environment. Where nothing is said both directions are redirected.
 *
 * @throws LaunchError naming the source and the field
 */
export function readTransparentProxy(
  sources: readonly string[],
  env: Environment,
  read: (file: string) => string = (file) => readFileSync(file === "-" ? 0 : file, "utf8"),
): TransparentSettings {
  const files = sources.flatMap(separate).map((source) => load(source, read));
  try {
    const { families, inbound, outbound, dns, networks, proxyUser } = loadConfig({ files, env });
    return {
      proxy: {
        ipFamilyMode: families.includes("ipv6") ? "dualstack" : "ipv4",
        redirect: {
          inbound: { enabled: inbound.enabled, port: inbound.port },
          outbound: { enabled: outbound.enabled, port: outbound.port },
          vnet: { networks: networks.map(({ interfaceName, cidr }) => `${interfaceName}:${cidr.text}`) },
        },
      },
      user: proxyUser || undefined,
      dnsPort: dns.capture === "none" ? undefined : dns.port,
      interfaces: networks.map(({ interfaceName }) => interfaceName),
    };
  } catch (error) {
    if (!(error instanceof SettingError)) throw error;
    throw new LaunchError("invalid-options", `Transparent proxying: ${error.message}`, { cause: error });
  }
}

/** Several files may stand in one value, with commas between them; YAML is one value. */
function separate(value: string): readonly string[] {
  if (isDocument(value)) return [value];
  return value.split(",").flatMap((part) => part.trim() || []);
}

function isDocument(value: string): boolean {
  return value.includes("\n") || value.trimStart().startsWith("{");
}

function load(source: string, read: (file: string) => string): ConfigFile {
  if (isDocument(source)) return { name: "--transparent-proxy-config", text: source };
  const name = source === "-" ? "stdin" : source;
  try {
    return { name, text: read(source) };
  } catch (error) {
    const reason = `--transparent-proxy-config: ${name} cannot be read: ${messageOf(error)}`;
    throw new LaunchError("invalid-options", reason, { cause: error });
  }
}
