import { CHAIN_PREFIX, COMMENT_PREFIX, type RuleSet, type Table } from "../rules/rule.ts";
import { printHook, printRule } from "./print.ts";

/** Order in which tables are changed: what redirects comes last, when what it relies on is there. */
export const TABLES: readonly Table[] = ["raw", "mangle", "nat"];

/** What one table holds. */
export interface SavedTable {
  /** Names in the order of the listing. */
  readonly chains: readonly string[];
  /** Names of the chains that are the system's: they have a policy. */
  readonly builtIn: ReadonlySet<string>;
  /** Rules by chain, each without `-A CHAIN`. */
  readonly rules: ReadonlyMap<string, readonly string[]>;
}

interface MutableTable {
  readonly chains: string[];
  readonly builtIn: Set<string>;
  readonly rules: Map<string, string[]>;
}

/** Rules of ours in one table, whether wanted or there. */
export interface OwnRules {
  readonly chains: readonly { readonly name: string; readonly rules: readonly string[] }[];
  readonly hooks: readonly OwnHook[];
}

/** A rule of ours in a chain of others. */
export interface OwnHook {
  readonly at: string;
  /** Its number in the chain, from 1; `last` is behind all others. */
  readonly place: number | "last";
  readonly rule: string;
}

/** Reads the output of `iptables-save`. */
export function parseSaved(text: string): ReadonlyMap<Table, SavedTable> {
  const tables = new Map<Table, MutableTable>();
  let current: MutableTable | undefined;
  for (const line of text.split("\n")) {
    if (line.startsWith("*")) {
      current = { chains: [], builtIn: new Set(), rules: new Map() };
      const table = TABLES.find((name) => line === `*${name}`);
      if (table !== undefined) tables.set(table, current);
      continue;
    }
    const [, chain, policy] = /^:(\S+) (\S+)/.exec(line) ?? [];
    if (chain !== undefined) {
      current?.chains.push(chain);
      if (policy !== "-") current?.builtIn.add(chain);
    }
    const [, at, rule] = /^-A (\S+) ?(.*)$/.exec(line) ?? [];
    if (at === undefined || rule === undefined || current === undefined) continue;
    current.rules.set(at, [...(current.rules.get(at) ?? []), rule]);
  }
  return tables;
}

/** What of a table is ours: chains by their names; rules elsewhere by where they lead, or by Kuma's comments. */
export function ownRulesIn(table: SavedTable | undefined): OwnRules {
  if (table === undefined) return { chains: [], hooks: [] };
  const names = table.chains.filter((name) => name.startsWith(CHAIN_PREFIX));
  return {
    chains: names.map((name) => ({ name, rules: table.rules.get(name) ?? [] })),
    hooks: table.chains
      .filter((name) => !name.startsWith(CHAIN_PREFIX))
      .flatMap((at) =>
        (table.rules.get(at) ?? []).flatMap((rule, index) =>
          isOwn(rule) ? [{ at, place: index + 1, rule }] : [],
        ),
      ),
  };
}

/** Whether others have rules or chains in a table. */
export function hasForeignRules({ chains, builtIn, rules }: SavedTable): boolean {
  return (
    chains.some((name) => !name.startsWith(CHAIN_PREFIX) && !builtIn.has(name)) ||
    [...rules].some(([at, of]) => !at.startsWith(CHAIN_PREFIX) && of.some((rule) => !isOwn(rule)))
  );
}

/** What a rule set wants of a table. */
export function ownRulesOf(set: RuleSet | undefined, table: Table): OwnRules {
  if (set === undefined) return { chains: [], hooks: [] };
  const hooks = set.hooks.filter((hook) => hook.table === table);
  return {
    chains: set.chains
      .filter((chain) => chain.table === table)
      .map(({ name, rules }) => ({ name, rules: rules.map((rule) => printRule(rule, set.comments)) })),
    hooks: [
      ...hooks
        .filter(({ place }) => place === "first")
        .map((hook, index, first) => ({
          at: hook.at,
          place: first.slice(0, index).filter(({ at }) => at === hook.at).length + 1,
          rule: printHook(hook, set.comments),
        })),
      ...hooks
        .filter(({ place }) => place === "last")
        .map((hook) => ({ at: hook.at, place: "last" as const, rule: printHook(hook, set.comments) })),
    ],
  };
}

/**
 * Input of `iptables-restore --noflush` that makes of the rules of ours in a table other rules of ours, all at once, and
 * leaves those of others alone.
 */
export function printTransition(table: Table, from: OwnRules, to: OwnRules): string {
  const kept = new Set(to.chains.map(({ name }) => name));
  const gone = from.chains.filter(({ name }) => !kept.has(name));
  const lines = [
    `*${table}`,
    // Made where it is missing, else emptied.
    ...[...to.chains, ...gone].map(({ name }) => `:${name} - [0:0]`),
    ...from.hooks.map(({ at, rule }) => `-D ${at} ${rule}`),
    ...gone.map(({ name }) => `-X ${name}`),
    ...to.chains.flatMap(({ name, rules }) => rules.map((rule) => `-A ${name} ${rule}`)),
    ...to.hooks.map(({ at, place, rule }) =>
      place === "last" ? `-A ${at} ${rule}` : `-I ${at} ${place} ${rule}`,
    ),
    "COMMIT",
  ];
  return `${lines.join("\n")}\n`;
}

/** Whether two spellings of a rule say the same; versions of iptables list the parts of a rule in different orders. */
export function sameRule(a: string, b: string): boolean {
  return a === b || words(a).join(" ") === words(b).join(" ");
}

function words(rule: string): readonly string[] {
  return (rule.match(/"[^"]*"|\S+/g) ?? []).map((word) => word.replace(/^"(\S*)"$/, "$1")).toSorted();
}

function isOwn(rule: string): boolean {
  const plain = rule.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""');
  return (
    new RegExp(`(?:^| )(?:-j|-g|--jump|--goto) ${CHAIN_PREFIX}`).test(plain) ||
    new RegExp(`--comment "?${COMMENT_PREFIX}`).test(rule)
  );
}

/** All of a rule set for a machine without rules of ours, as one input of `iptables-restore`. */
export function printFresh(set: RuleSet): string {
  const texts = TABLES.map((table) => [table, ownRulesOf(set, table)] as const)
    .filter(([, { chains }]) => chains.length > 0)
    .map(([table, wanted]) => printTransition(table, { chains: [], hooks: [] }, wanted));
  return `### ${set.family === "ipv4" ? "IPv4" : "IPv6"} ###\n${texts.join("")}`;
}
