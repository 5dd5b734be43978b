import type { Range } from "../config/readers.ts";
import type { Chain, Hook, Match, Rule, RuleSet, Verdict } from "../rules/rule.ts";

/** Name of the tables that hold everything of ours, one for each IP version. */
export const TABLE_NAME = "kuma_mesh";

/** nft takes 128 bytes. */
const LONGEST_COMMENT = 127;

/** Beside the priorities of the system's own chains, so that the order to rules of others is told. */
const PRIORITIES: Readonly<Record<Hook["table"], number>> = { raw: -300, mangle: -150, nat: -100 };

const LEVELS = ["emerg", "alert", "crit", "err", "warn", "notice", "info", "debug"];

/** The table of a rule set as nft reads it. */
export function printTable(set: RuleSet): string {
  const words = set.family === "ipv4" ? "ip" : "ip6";
  const chains = [
    ...set.chains.map((chain) => ({ name: chain.name, lines: chainLines(chain, words, set.comments) })),
    ...baseChains(set, words),
  ];
  const lines = [
    `table ${words} ${TABLE_NAME} {`,
    ...chains.flatMap(({ name, lines }) => [
      `\tchain ${name} {`,
      ...lines.map((line) => `\t\t${line}`),
      "\t}",
    ]),
    "}",
  ];
  return `${lines.join("\n")}\n`;
}

function chainLines({ rules }: Chain, words: string, comments: boolean): readonly string[] {
  return rules.map((rule) => printRule(rule, words, comments));
}

function baseChains(
  set: RuleSet,
  words: string,
): readonly { readonly name: string; readonly lines: readonly string[] }[] {
  const places = Map.groupBy(set.hooks, ({ table, at, place }) => `${table}_${at}_${place}`);
  return [...places].flatMap(([name, hooks]) => {
    const [hook] = hooks;
    if (hook === undefined) return [];
    const priority = PRIORITIES[hook.table] + (hook.place === "first" ? -1 : 1);
    return [
      {
        name: name.toLowerCase(),
        lines: [
          `type ${hook.table === "nat" ? "nat" : "filter"} hook ${hook.at.toLowerCase()} priority ${priority}; policy accept;`,
          ...hooks.map(({ match, chain, comment }) =>
            printRule({ match, verdict: { kind: "jump", chain }, comment }, words, set.comments),
          ),
        ],
      },
    ];
  });
}

function printRule({ match, verdict, comment }: Rule, words: string, comments: boolean): string {
  return [
    ...printMatch(match, words),
    printVerdict(verdict),
    ...(comments ? [`comment "${comment.slice(0, LONGEST_COMMENT)}"`] : []),
  ].join(" ");
}

function printMatch(match: Match, words: string): readonly string[] {
  const { protocol, ports, owner } = match;
  const bare = protocol !== undefined && ports === undefined && match.sourcePort === undefined;
  return [
    ...(match.inInterface === undefined ? [] : [`iifname "${match.inInterface.replace(/\+$/, "*")}"`]),
    ...(match.outInterface === undefined ? [] : [`oifname "${match.outInterface}"`]),
    ...(match.source === undefined ? [] : [`${words} saddr ${match.source}`]),
    ...(match.destination === undefined ? [] : [`${words} daddr ${match.destination}`]),
    ...(match.notDestination === undefined ? [] : [`${words} daddr != ${match.notDestination}`]),
    ...(bare ? [`meta l4proto ${protocol}`] : []),
    ...(match.sourcePort === undefined ? [] : [`${protocol} sport ${match.sourcePort}`]),
    ...(ports === undefined ? [] : [`${protocol} dport { ${ports.map(printRange).join(", ")} }`]),
    ...(owner === undefined ? [] : [`meta skuid ${printRange(owner)}`]),
    ...(match.notOwner === undefined ? [] : [`meta skuid != ${match.notOwner}`]),
    ...(match.invalid === true ? ["ct state invalid"] : []),
  ];
}

function printRange({ from, to }: Range): string {
  return from === to ? String(from) : `${from}-${to}`;
}

function printVerdict(verdict: Verdict): string {
  switch (verdict.kind) {
    case "return":
      return "return";
    case "drop":
      return "drop";
    case "jump":
      return `jump ${verdict.chain}`;
    case "redirect":
      return `redirect to :${verdict.port}`;
    case "zone":
      // The first zone counts, in iptables by itself, here because nothing after it is looked at.
      return `ct zone set ${verdict.zone} return`;
    case "log":
      return `log prefix "${verdict.prefix}" level ${LEVELS[Math.min(verdict.level, 7)]}`;
  }
}
