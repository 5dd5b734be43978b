import {
  type Reader,
  readAddresses,
  readBoolean,
  readChoice,
  readCount,
  readDuration,
  readExecutables,
  readPort,
  readPorts,
  readText,
  readUserExclusions,
  readVirtualNetworks,
} from "./readers.ts";

/** One thing that can be said about the redirection: in a file at its path, in an environment variable, or by a flag. */
export interface Setting<T> {
  readonly read: Reader<T>;
  readonly fallback: T;
  /** Behind `KUMA_TRANSPARENT_PROXY_`. */
  readonly env: string;
  /** Without the leading `--`; there is none for what only files and the environment can say. */
  readonly flag?: string;
  /** How its value is called in help; a flag without is a switch. */
  readonly argument?: string;
  /** The flag may stand several times. */
  readonly repeatable?: boolean;
  readonly help?: string;
}

type Described = Pick<Setting<unknown>, "flag" | "argument" | "repeatable" | "help">;

function setting<T>(read: Reader<T>, fallback: T, env: string, described: Described = {}): Setting<T> {
  return { read, fallback, env, ...described };
}

/** Every setting by its path in the file, in the order in which help lists the flags. Paths, variables and flags are Kuma's. */
export const settings = {
  kumaDPUser: setting(readText, "", "KUMA_DP_USER", {
    flag: "kuma-dp-user",
    argument: "<user>",
    help: "name or uid of the user that runs the proxy, whose own traffic is not captured (default: uid 5678, else the user kuma-dp)",
  }),
  ipFamilyMode: setting(readChoice("dualstack", "ipv4"), "dualstack", "IP_FAMILY_MODE", {
    flag: "ip-family-mode",
    argument: "<mode>",
    help: "dualstack, or ipv4 to leave IPv6 alone",
  }),
  "redirect.inbound.enabled": setting(readBoolean, true, "REDIRECT_INBOUND_ENABLED", {
    flag: "redirect-inbound",
    help: "capture inbound connections",
  }),
  "redirect.inbound.port": setting(readPort, 15006, "REDIRECT_INBOUND_PORT", {
    flag: "redirect-inbound-port",
    argument: "<port>",
    help: "port of the proxy that inbound connections are redirected to",
  }),
  "redirect.inbound.includePorts": setting(readPorts, [], "REDIRECT_INBOUND_INCLUDE_PORTS"),
  "redirect.inbound.excludePorts": setting(readPorts, [], "REDIRECT_INBOUND_EXCLUDE_PORTS", {
    flag: "exclude-inbound-ports",
    argument: "<ports>",
    repeatable: true,
    help: "ports on which inbound connections are not captured, such as 22,8000-8010",
  }),
  "redirect.inbound.excludePortsForIPs": setting(
    readAddresses,
    [],
    "REDIRECT_INBOUND_EXCLUDE_PORTS_FOR_IPS",
    {
      flag: "exclude-inbound-ips",
      argument: "<addresses>",
      repeatable: true,
      help: "addresses or networks whose connections to here are not captured",
    },
  ),
  "redirect.inbound.excludePortsForUIDs": setting(
    readUserExclusions,
    [],
    "REDIRECT_INBOUND_EXCLUDE_PORTS_FOR_UIDS",
  ),
  "redirect.inbound.insertRedirectInsteadOfAppend": setting(
    readBoolean,
    false,
    "REDIRECT_INBOUND_INSERT_REDIRECT_INSTEAD_OF_APPEND",
    {
      flag: "redirect-inbound-insert-instead-of-append",
      help: "capture inbound connections before other rules of this machine, not after them",
    },
  ),
  "redirect.outbound.enabled": setting(readBoolean, true, "REDIRECT_OUTBOUND_ENABLED", {
    flag: "redirect-outbound",
    help: "capture outbound connections",
  }),
  "redirect.outbound.port": setting(readPort, 15001, "REDIRECT_OUTBOUND_PORT", {
    flag: "redirect-outbound-port",
    argument: "<port>",
    help: "port of the proxy that outbound connections are redirected to",
  }),
  "redirect.outbound.includePorts": setting(readPorts, [], "REDIRECT_OUTBOUND_INCLUDE_PORTS"),
  "redirect.outbound.excludePorts": setting(readPorts, [], "REDIRECT_OUTBOUND_EXCLUDE_PORTS", {
    flag: "exclude-outbound-ports",
    argument: "<ports>",
    repeatable: true,
    help: "ports to which outbound connections are not captured",
  }),
  "redirect.outbound.excludePortsForIPs": setting(
    readAddresses,
    [],
    "REDIRECT_OUTBOUND_EXCLUDE_PORTS_FOR_IPS",
    {
      flag: "exclude-outbound-ips",
      argument: "<addresses>",
      repeatable: true,
      help: "addresses or networks to which nothing is captured",
    },
  ),
  "redirect.outbound.excludePortsForUIDs": setting(
    readUserExclusions,
    [],
    "REDIRECT_OUTBOUND_EXCLUDE_PORTS_FOR_UIDS",
    {
      flag: "exclude-outbound-ports-for-uids",
      argument: "<protocols:ports:uids>",
      repeatable: true,
      help: "what of some users is not captured: tcp:22,8000-8010:1000-1010; protocols and ports may be left out or *",
    },
  ),
  "redirect.outbound.insertRedirectInsteadOfAppend": setting(
    readBoolean,
    false,
    "REDIRECT_OUTBOUND_INSERT_REDIRECT_INSTEAD_OF_APPEND",
    {
      flag: "redirect-outbound-insert-instead-of-append",
      help: "capture outbound connections before other rules of this machine, not after them",
    },
  ),
  "redirect.dns.enabled": setting(readBoolean, false, "REDIRECT_DNS_ENABLED", {
    flag: "redirect-dns",
    help: "capture DNS over UDP to the servers in resolv.conf",
  }),
  "redirect.dns.captureAll": setting(readBoolean, false, "REDIRECT_DNS_CAPTURE_ALL", {
    flag: "redirect-all-dns-traffic",
    help: "capture DNS over UDP to any server",
  }),
  "redirect.dns.port": setting(readPort, 15053, "REDIRECT_DNS_PORT", {
    flag: "redirect-dns-port",
    argument: "<port>",
    help: "port of the proxy that DNS is redirected to",
  }),
  "redirect.dns.skipConntrackZoneSplit": setting(
    readBoolean,
    false,
    "REDIRECT_DNS_SKIP_CONNTRACK_ZONE_SPLIT",
    {
      flag: "skip-dns-conntrack-zone-split",
      help: "track DNS to and from the proxy together; for kernels without zones, and where other rules redirect DNS too",
    },
  ),
  "redirect.dns.resolvConfigPath": setting(readText, "/etc/resolv.conf", "REDIRECT_DNS_RESOLV_CONFIG_PATH"),
  "redirect.vnet.networks": setting(readVirtualNetworks, [], "REDIRECT_VNET_NETWORKS", {
    flag: "vnet",
    argument: "<interface:network>",
    repeatable: true,
    help: "capture what comes from containers behind an interface, such as docker0:172.17.0.0/16 or br+:fd00::/64",
  }),
  dropInvalidPackets: setting(readBoolean, false, "DROP_INVALID_PACKETS", {
    flag: "drop-invalid-packets",
    help: "drop packets that belong to no connection, so that late ones do not reach the application past the proxy",
  }),
  iptablesExecutables: setting(readExecutables, {}, "IPTABLES_EXECUTABLES", {
    flag: "iptables-executables",
    argument: "<name:path,...>",
    repeatable: true,
    help: "executables to use instead of those that are found: iptables, iptables-save and iptables-restore, and likewise ip6tables",
  }),
  "comments.disabled": setting(readBoolean, false, "COMMENTS_DISABLED", {
    flag: "disable-comments",
    help: "rules without comments, for kernels that have no comment match",
  }),
  "log.enabled": setting(readBoolean, false, "LOG_ENABLED", {
    flag: "iptables-logs",
    help: "have the kernel log each new connection that comes to the rules (dmesg)",
  }),
  "log.level": setting(readCount, 7, "LOG_LEVEL"),
  wait: setting(readCount, 5, "WAIT", {
    flag: "wait",
    argument: "<seconds>",
    help: "how long to wait while another program changes the packet filter; 0 does not wait",
  }),
  waitInterval: setting(readCount, 0, "WAIT_INTERVAL", {
    flag: "wait-interval",
    argument: "<microseconds>",
    help: "how often legacy iptables looks whether the other program is done (default: once a second)",
  }),
  "retry.maxRetries": setting(readCount, 4, "RETRY_MAX_RETRIES", {
    flag: "max-retries",
    argument: "<count>",
    help: "how often to try again when the packet filter refuses",
  }),
  "retry.sleepBetweenRetries": setting(readDuration, 2_000, "RETRY_SLEEP_BETWEEN_RETRIES", {
    flag: "sleep-between-retries",
    argument: "<duration>",
    help: "pause before it is tried again (default: 2s)",
  }),
  verbose: setting(readBoolean, false, "VERBOSE", {
    flag: "verbose",
    help: "print each command of the packet filter",
  }),
  dryRun: setting(readBoolean, false, "DRY_RUN", {
    flag: "dry-run",
    help: "print what would be applied, and change nothing",
  }),
} as const satisfies Readonly<Record<string, Setting<unknown>>>;

/** Path of a setting in the file. */
export type SettingPath = keyof typeof settings;

/** What each setting says, by its path. */
export type SettingValues = {
  readonly [P in SettingPath]: (typeof settings)[P] extends Setting<infer T> ? T : never;
};

/** A setting of Kuma that is refused here unless it is off, because leaving it out in silence would deceive. */
export interface RefusedSetting {
  readonly env: string;
  /** Flags that belong to it, each a switch or with a value, as help would write it. */
  readonly flags: readonly string[];
  /** The sentence that says why, and what to do. */
  readonly reason: string;
}

/** By path in the file. */
export const refusedSettings: Readonly<Record<string, RefusedSetting>> = {
  "ebpf.enabled": {
    env: "EBPF_ENABLED",
    flags: [
      "--ebpf-enabled",
      "--ebpf-programs-source-path <path>",
      "--ebpf-instance-ip <address>",
      "--ebpf-bpffs-path <path>",
      "--ebpf-cgroup-path <path>",
      "--ebpf-tc-attach-iface <interface>",
    ],
    reason:
      "eBPF is not supported: Kuma deprecated it, and the rules of the packet filter capture the same traffic; leave it out",
  },
  storeFirewalld: {
    env: "STORE_FIREWALLD",
    flags: ["--store-firewalld"],
    reason:
      "storing rules with firewalld is not supported: its direct rules are deprecated and cover IPv4 only in Kuma; leave it out, and install from a service that starts after firewalld.service and reloads with it",
  },
  cniMode: {
    env: "CNI_MODE",
    flags: [],
    reason: "the CNI mode is for Kuma's CNI plugin, which calls no command; leave it out",
  },
};
