import type { Config } from "../config/config.ts";
import { dnsParts } from "./dns.ts";
import { zoneParts } from "./dns-zones.ts";
import type { HostFacts } from "./host-facts.ts";
import { inboundParts } from "./inbound.ts";
import { networkParts } from "./networks.ts";
import { outboundParts } from "./outbound.ts";
import { chain, type Part, rule } from "./part.ts";
import { CHAIN_PREFIX, type RuleSet } from "./rule.ts";

/** Rules of one IP version, pure. Their order within a chain is their meaning. */
export function buildRules(config: Config, host: HostFacts): RuleSet {
  const parts = [natParts(config, host), zoneParts(config, host), invalidParts(config)].flat();
  return {
    family: host.family,
    chains: parts.flatMap((part) => part.chains),
    hooks: parts.flatMap((part) => part.hooks),
    comments: config.comments,
  };
}

function natParts(config: Config, host: HostFacts): readonly Part[] {
  return [
    networkParts(config, host),
    dnsParts(config, host),
    inboundParts(config, host),
    outboundParts(config, host),
  ].flat();
}

const INVALID = `${CHAIN_PREFIX}INVALID`;

function invalidParts(config: Config): readonly Part[] {
  if (!config.dropInvalid) return [];
  return [
    {
      chains: [
        chain("mangle", INVALID, [
          rule({ invalid: true }, { kind: "drop" }, "dropped: belongs to no connection"),
        ]),
      ],
      hooks: [
        {
          table: "mangle",
          at: "PREROUTING",
          place: "last",
          match: {},
          chain: INVALID,
          comment: "invalid packets",
        },
      ],
    },
  ];
}
