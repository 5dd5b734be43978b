import { dynamicConfigSocket } from "@skein/model/dynamic-config";
import { isRecord } from "../insights/fields.ts";
import { launcherRedirect, type Redirect, sameRedirect } from "./redirect.ts";

/** What a connected proxy said of itself, as far as its configuration depends on it. */
export interface NodeFacts {
  /** It understands KRI-based names (`feature-unified-resource-naming`). */
  readonly unifiedNaming: boolean;
  /** Listeners share their port between workers and restarts (`feature-reuse-port`). */
  readonly reusePort: boolean;
  readonly ipv6: boolean;
  /** Ports that no inbound is for are closed where callers must use mesh TLS (`feature-strict-inbound-ports`). */
  readonly strictInboundPorts: boolean;
  /** Outbounds listen on loopback addresses of their own (`feature-bind-outbounds`). */
  readonly bindOutbounds: boolean;
  /** How the machine redirects connections; absent where that is left to the Dataplane. */
  readonly redirect: Redirect | undefined;
  /** Unix socket of Envoy's admin interface. */
  readonly adminSocket: string | undefined;
  /** Where that interface is a port: the address of the machine itself that it is open on. */
  readonly adminAddress: string | undefined;
  readonly adminPort: number | undefined;
  /** File with the roots that the proxy's machine trusts. */
  readonly systemCaPath: string | undefined;
  /** Host and port of the authorization agent that the launcher runs beside Envoy. */
  readonly extAuthzAddress: string | undefined;
  /** Where its launcher asks Envoy for names of the mesh, if it serves DNS by itself (`feature-embedded-dns`). */
  readonly dynamicConfigSocket: string | undefined;
  /** Port at which its launcher would have Envoy itself answer DNS, which it does not: the way with a CoreDNS process. */
  readonly envoyDnsPort: number | undefined;
}

/** What holds for a proxy that is not connected: the plan can be asked for all the same. */
export const UNKNOWN_NODE: NodeFacts = {
  unifiedNaming: true,
  reusePort: true,
  ipv6: true,
  strictInboundPorts: true,
  bindOutbounds: false,
  redirect: undefined,
  adminSocket: undefined,
  adminAddress: undefined,
  adminPort: undefined,
  systemCaPath: "/etc/ssl/certs/ca-certificates.crt",
  extAuthzAddress: undefined,
  dynamicConfigSocket: undefined,
  envoyDnsPort: undefined,
};

/** Key under which a launcher tells it, among its dynamic metadata. */
const EXT_AUTHZ_ADDRESS = "opa.extAuthzAddr";

/** What a proxy says must not make its admin listener a way to other machines. */
const LOOPBACK: ReadonlySet<string> = new Set(["127.0.0.1", "::1"]);

/** Reads the facts out of Envoy's node metadata. */
export function nodeFacts(metadata: Readonly<Record<string, unknown>>): NodeFacts {
  const features = new Set<unknown>(Array.isArray(metadata.features) ? metadata.features : []);
  const text = (key: string): string | undefined => {
    const value = metadata[key];
    return typeof value === "string" && value !== "" ? value : undefined;
  };
  const workDir = text("workdir");
  const port = Number(text("dataplane.admin.port"));
  const address = text("dataplane.admin.address");
  return {
    unifiedNaming: features.has("feature-unified-resource-naming"),
    reusePort: features.has("feature-reuse-port"),
    ipv6: metadata.ipv6Enabled !== false,
    strictInboundPorts: features.has("feature-strict-inbound-ports"),
    bindOutbounds: features.has("feature-bind-outbounds"),
    redirect: launcherRedirect(features, metadata.transparentProxy),
    adminSocket: text("dataplane.admin.socketPath"),
    adminAddress: address !== undefined && LOOPBACK.has(address) ? address : undefined,
    adminPort: Number.isInteger(port) && port > 0 ? port : undefined,
    systemCaPath: text("systemCaPath"),
    extAuthzAddress: extAuthzAddress(metadata.dynamicMetadata),
    dynamicConfigSocket:
      workDir === undefined || !features.has("feature-embedded-dns")
        ? undefined
        : dynamicConfigSocket(workDir),
    envoyDnsPort: features.has("feature-embedded-dns") ? undefined : envoyDnsPort(metadata),
  };
}

/** Launchers tell the port whether they use it or not, and of redirected connections whether DNS is among them. */
function envoyDnsPort(metadata: Readonly<Record<string, unknown>>): number | undefined {
  const port = Number(metadata["dataplane.dns.port"]);
  const config = isRecord(metadata.transparentProxy) ? metadata.transparentProxy : {};
  const { dns } = isRecord(config.redirect) ? config.redirect : {};
  const isOff = isRecord(dns) && dns.enabled === false;
  return Number.isInteger(port) && port > 0 && !isOff ? port : undefined;
}

/** What Envoy would take for an address; a proxy that says nonsense is asked for at the usual place. */
function extAuthzAddress(dynamic: unknown): string | undefined {
  const text =
    typeof dynamic === "object" && dynamic !== null ? Reflect.get(dynamic, EXT_AUTHZ_ADDRESS) : undefined;
  if (typeof text !== "string" || !/^([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]):\d{1,5}$/.test(text))
    return undefined;
  return URL.canParse(`http://${text}`) ? text : undefined;
}

/** Whether two sets of facts mean the same configuration. */
export function sameFacts(a: NodeFacts, b: NodeFacts): boolean {
  return (
    a.unifiedNaming === b.unifiedNaming &&
    a.reusePort === b.reusePort &&
    a.ipv6 === b.ipv6 &&
    a.strictInboundPorts === b.strictInboundPorts &&
    a.bindOutbounds === b.bindOutbounds &&
    sameRedirect(a.redirect, b.redirect) &&
    a.adminSocket === b.adminSocket &&
    a.adminAddress === b.adminAddress &&
    a.adminPort === b.adminPort &&
    a.systemCaPath === b.systemCaPath &&
    a.extAuthzAddress === b.extAuthzAddress &&
    a.dynamicConfigSocket === b.dynamicConfigSocket &&
    a.envoyDnsPort === b.envoyDnsPort
  );
}
