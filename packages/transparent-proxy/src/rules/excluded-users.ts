import type { Config } from "../config/config.ts";
import type { Range } from "../config/readers.ts";
import { DNS_PORT, RETURN, rule, showRange } from "./part.ts";
import type { Rule } from "./rule.ts";

/** Rules for what some users send, which is not captured. Of UDP only DNS ever is, so only what concerns port 53 is excluded. */
export function userExclusions(config: Config, protocol: "tcp" | "udp"): readonly Rule[] {
  return config.outbound.excludeUsers
    .filter(({ protocols }) => protocols.includes(protocol))
    .flatMap(({ ports, uids }): readonly Rule[] => {
      const why = `not captured: uid ${showRange(uids)}${ports.length === 0 ? "" : ` to port ${ports.map(showRange).join(",")}`}`;
      if (protocol === "udp") {
        const dns = ports.length === 0 || ports.some(({ from, to }) => from <= 53 && 53 <= to);
        return dns ? [rule({ protocol, ports: DNS_PORT, owner: uids }, RETURN, why)] : [];
      }
      if (ports.length === 0) return [rule({ protocol, owner: uids }, RETURN, why)];
      return chunks(ports).map((part) => rule({ protocol, ports: part, owner: uids }, RETURN, why));
    });
}

/** iptables takes 15 ports in a rule, and a range counts for two. */
function chunks(ports: readonly Range[]): readonly (readonly Range[])[] {
  return Array.from({ length: Math.ceil(ports.length / 7) }, (_, i) => ports.slice(7 * i, 7 * i + 7));
}
