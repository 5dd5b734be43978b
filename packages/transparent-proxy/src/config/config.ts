import type { Cidr, Family } from "./network-address.ts";
import type { Range, UserExclusion, VirtualNetwork } from "./readers.ts";
import { SettingError } from "./setting-error.ts";
import type { SettingValues } from "./settings.ts";

/** What of a direction is captured, and where it goes. */
export interface Redirection {
  readonly enabled: boolean;
  readonly port: number;
  /** Captured and nothing else, unless empty. */
  readonly includePorts: readonly Range[];
  readonly excludePorts: readonly Range[];
  /** Inbound: where it comes from. Outbound: where it goes. */
  readonly excludeAddresses: readonly Cidr[];
  /** Before other rules of the machine rather than after them. */
  readonly first: boolean;
}

/** How traffic is to be redirected: complete, checked, and nothing of the machine in it. */
export interface Config {
  /** Name or uid; empty where the default users are meant. */
  readonly proxyUser: string;
  readonly families: readonly Family[];
  readonly inbound: Redirection;
  readonly outbound: Redirection & { readonly excludeUsers: readonly UserExclusion[] };
  readonly dns: {
    readonly capture: "none" | "resolvers" | "all";
    readonly port: number;
    readonly zones: boolean;
    readonly resolverFile: string;
  };
  readonly networks: readonly VirtualNetwork[];
  readonly dropInvalid: boolean;
  readonly comments: boolean;
  /** Level at which the kernel logs, if it does. */
  readonly logLevel: number | undefined;
  readonly executables: Readonly<Record<string, string>>;
  readonly patience: Patience;
  readonly verbose: boolean;
  readonly dryRun: boolean;
}

/** How long to go on when somebody else is at the packet filter, or it refuses. */
export interface Patience {
  readonly waitSeconds: number;
  readonly waitIntervalMicros: number;
  readonly retries: number;
  readonly pauseMs: number;
}

/** @throws SettingError when settings contradict each other. */
export function toConfig(values: SettingValues): Config {
  check(values);
  const captureAll = values["redirect.dns.captureAll"];
  return {
    proxyUser: values.kumaDPUser,
    families: values.ipFamilyMode === "ipv4" ? ["ipv4"] : ["ipv4", "ipv6"],
    inbound: {
      enabled: values["redirect.inbound.enabled"],
      port: values["redirect.inbound.port"],
      includePorts: values["redirect.inbound.includePorts"],
      excludePorts: values["redirect.inbound.excludePorts"],
      excludeAddresses: values["redirect.inbound.excludePortsForIPs"],
      first: values["redirect.inbound.insertRedirectInsteadOfAppend"],
    },
    outbound: {
      enabled: values["redirect.outbound.enabled"],
      port: values["redirect.outbound.port"],
      includePorts: values["redirect.outbound.includePorts"],
      excludePorts: values["redirect.outbound.excludePorts"],
      excludeAddresses: values["redirect.outbound.excludePortsForIPs"],
      excludeUsers: values["redirect.outbound.excludePortsForUIDs"],
      first: values["redirect.outbound.insertRedirectInsteadOfAppend"],
    },
    dns: {
      capture: captureAll ? "all" : values["redirect.dns.enabled"] ? "resolvers" : "none",
      port: values["redirect.dns.port"],
      zones: !values["redirect.dns.skipConntrackZoneSplit"],
      resolverFile: values["redirect.dns.resolvConfigPath"],
    },
    networks: values["redirect.vnet.networks"],
    dropInvalid: values.dropInvalidPackets,
    comments: !values["comments.disabled"],
    logLevel: values["log.enabled"] ? values["log.level"] : undefined,
    executables: values.iptablesExecutables,
    patience: {
      waitSeconds: values.wait,
      waitIntervalMicros: values.waitInterval,
      retries: values["retry.maxRetries"],
      pauseMs: values["retry.sleepBetweenRetries"],
    },
    verbose: values.verbose,
    dryRun: values.dryRun,
  };
}

function check(values: SettingValues): void {
  for (const direction of ["inbound", "outbound"] as const) {
    if (
      values[`redirect.${direction}.includePorts`].length > 0 &&
      values[`redirect.${direction}.excludePorts`].length > 0
    ) {
      throw new SettingError(
        `redirect.${direction}.excludePorts (--exclude-${direction}-ports) does nothing beside redirect.${direction}.includePorts; leave one of them out`,
      );
    }
  }
  if (values["redirect.inbound.excludePortsForUIDs"].length > 0) {
    throw new SettingError(
      "redirect.inbound.excludePortsForUIDs: the kernel does not know which user of another machine a connection comes from; leave it out",
    );
  }
  const ports = [values["redirect.inbound.port"], values["redirect.outbound.port"]];
  if (new Set(ports).size < ports.length) {
    throw new SettingError(
      `--redirect-inbound-port and --redirect-outbound-port are both ${ports[0]}; the proxy needs two ports to tell them apart`,
    );
  }
  const nothing =
    !values["redirect.inbound.enabled"] &&
    !values["redirect.outbound.enabled"] &&
    !values["redirect.dns.enabled"] &&
    !values["redirect.dns.captureAll"];
  if (nothing) {
    throw new SettingError(
      "nothing would be captured: inbound, outbound and DNS are all off; to remove the rules, uninstall transparent-proxy",
    );
  }
}
