import type { Snapshot } from "./backend.ts";
import type { Config } from "./config/config.ts";
import type { Family } from "./config/network-address.ts";
import type { Context } from "./context.ts";
import { hasIpv6, loopbackName } from "./host/addresses.ts";
import { isLoopbackAddress, readResolvers } from "./host/resolvers.ts";
import { loopbackResolverUids, remoteShellPorts } from "./host/sockets.ts";
import { proxyUser, type User } from "./host/user.ts";
import { buildRules } from "./rules/build.ts";
import type { RuleSet } from "./rules/rule.ts";

/** The rules for this machine. */
export interface Plan {
  readonly sets: readonly RuleSet[];
  readonly user: User;
}

/**
 * Looks at the machine, and at what its packet filter holds where that is known, and makes its rules. Tells where less is
 * captured than one might think.
 *
 * @throws SettingError when the proxy's user is missing or the DNS servers cannot be read.
 */
export async function planRules(
  config: Config,
  before: Snapshot | undefined,
  context: Context,
): Promise<Plan> {
  const user = await proxyUser(config.proxyUser);
  const families = config.families.filter((family) => family === "ipv4" || hasIpv6());
  if (families.length < config.families.length)
    context.note("IPv6 is not captured: this machine has no IPv6 address");
  const resolvers = config.dns.capture === "none" ? { ipv4: [], ipv6: [] } : resolversOf(config);
  const shells =
    config.inbound.enabled && config.inbound.includePorts.length === 0 ? remoteShellPorts(context.env) : [];
  const asksResolverHere = Object.values(resolvers).flat().some(isLoopbackAddress);
  const resolverUids = config.dns.capture === "all" && asksResolverHere ? loopbackResolverUids() : [];
  tell(config, { families, resolvers, resolverUids, shells, user }, context);
  const sets = families.map((family) =>
    buildRules(config, {
      family,
      proxyUid: user.uid,
      loopback: loopbackName(),
      resolvers: resolvers[family],
      resolverUids,
      remoteShellPorts: shells,
      dockerDns: before?.dockerDns.has(family) === true,
    }),
  );
  return { sets, user };
}

/** Where all DNS is captured, the servers only tell which of it stays on this machine, and may be unknown. */
function resolversOf(config: Config): Readonly<Record<Family, readonly string[]>> {
  try {
    return readResolvers(config.dns.resolverFile);
  } catch (error) {
    if (config.dns.capture === "all") return { ipv4: [], ipv6: [] };
    throw error;
  }
}

function tell(
  config: Config,
  machine: {
    readonly families: readonly Family[];
    readonly resolvers: Readonly<Record<Family, readonly string[]>>;
    readonly resolverUids: readonly number[];
    readonly shells: readonly number[];
    readonly user: User;
  },
  { warn, note }: Context,
): void {
  if (machine.user.uid === 0) {
    warn("the proxy's user is root, so nothing that root runs is captured; give the proxy a user of its own");
  }
  for (const port of machine.shells) {
    note(
      `port ${port} is not captured, so that this machine can be reached without the proxy (redirect.inbound.includePorts would capture it)`,
    );
  }
  if (config.dns.capture === "resolvers") {
    for (const family of machine.families.filter((one) => machine.resolvers[one].length === 0)) {
      const version = family === "ipv4" ? "IPv4" : "IPv6";
      const none = Object.values(machine.resolvers).every((servers) => servers.length === 0);
      (none ? warn : note)(
        `DNS over ${version} is not captured: ${config.dns.resolverFile} names no ${version} server (--redirect-all-dns-traffic captures DNS to any)`,
      );
    }
  }
  for (const uid of machine.resolverUids) {
    note(
      `DNS of uid ${uid} is not captured: it serves DNS on this machine, and would be asked its own questions`,
    );
  }
  const resolverHere = Object.values(machine.resolvers).flat().find(isLoopbackAddress);
  if (config.dns.capture === "all" && resolverHere !== undefined && machine.resolverUids.length === 0) {
    warn(
      `${config.dns.resolverFile} names a DNS server of this machine (${resolverHere}), and none was found: if it asks other servers, exclude its user with --exclude-outbound-ports-for-uids=udp:53:UID, or it will be asked its own questions`,
    );
  }
}
