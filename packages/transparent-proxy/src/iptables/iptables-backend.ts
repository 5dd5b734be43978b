import type { Backend, Snapshot, Step } from "../backend.ts";
import type { Patience } from "../config/config.ts";
import type { Family } from "../config/network-address.ts";
import { runCommand } from "../host/command.ts";
import type { RuleSet, Table } from "../rules/rule.ts";
import {
  hasForeignRules,
  type OwnHook,
  type OwnRules,
  ownRulesIn,
  ownRulesOf,
  parseSaved,
  printTransition,
  type SavedTable,
  sameRule,
  TABLES,
} from "./own-rules.ts";
import type { Mode, Tools } from "./tools.ts";

type Saved = ReadonlyMap<Family, ReadonlyMap<Table, SavedTable>>;

const TITLES: Readonly<Record<Family, string>> = { ipv4: "IPv4", ipv6: "IPv6" };

/** iptables, of either generation. One step per IP version and table, which is what iptables changes at once. */
export function iptablesBackend(mode: Mode, tools: ReadonlyMap<Family, Tools>, patience: Patience): Backend {
  const states = new WeakMap<Snapshot, Saved>();

  async function read(): Promise<Snapshot> {
    const saved = new Map<Family, ReadonlyMap<Table, SavedTable>>();
    for (const [family, { save }] of tools)
      saved.set(family, parseSaved(readable(save, await output(save, []))));
    const snapshot = describe(saved);
    states.set(snapshot, saved);
    return snapshot;
  }

  function stateOf(snapshot: Snapshot): Saved {
    const state = states.get(snapshot);
    if (state === undefined) throw new Error("the snapshot is of another packet filter");
    return state;
  }

  async function steps(now: Snapshot, goal: readonly RuleSet[] | Snapshot): Promise<readonly Step[]> {
    const saved = stateOf(now);
    const made: Step[] = [];
    for (const [family, familyTools] of tools) {
      for (const table of TABLES) {
        const there = saved.get(family)?.get(table);
        const wanted = isSnapshot(goal)
          ? ownRulesIn(stateOf(goal).get(family)?.get(table))
          : ownRulesOf(
              goal.find((set) => set.family === family),
              table,
            );
        if (await isSo(there, wanted, (at, rule) => contains(familyTools, table, at, rule))) continue;
        made.push(restoreStep(family, familyTools, printTransition(table, ownRulesIn(there), wanted)));
      }
    }
    return made;
  }

  function restoreStep(family: Family, { restore }: Tools, text: string): Step {
    const args = ["--noflush", ...waitArguments(mode, patience)];
    return {
      title: TITLES[family],
      text,
      command: [restore, ...args].join(" "),
      apply: async () => void (await output(restore, args, text)),
    };
  }

  return {
    name: `iptables (${mode})`,
    requireFamily: (family) => {
      if (!tools.has(family)) {
        throw new Error(
          `${family === "ipv6" ? "ip6tables" : "iptables"} (${mode}) is missing, so ${TITLES[family]} cannot be captured: install it${family === "ipv6" ? ", or capture IPv4 only with --ip-family-mode=ipv4" : ""}`,
        );
      }
    },
    read,
    steps,
  };
}

/** @throws Error where iptables lists less than there is, because nft has put into its tables what it cannot express. */
function readable(save: string, text: string): string {
  const table = TABLES.find((name) => text.includes(`Table \`${name}' is incompatible`));
  if (table !== undefined) throw new Error(`${save} cannot list the table ${table}, which nft has changed`);
  return text;
}

function isSnapshot(goal: readonly RuleSet[] | Snapshot): goal is Snapshot {
  return !Array.isArray(goal);
}

function describe(saved: Saved): Snapshot {
  const having = (test: (tables: ReadonlyMap<Table, SavedTable>) => boolean): ReadonlySet<Family> =>
    new Set([...saved].filter(([, tables]) => test(tables)).map(([family]) => family));
  return {
    own: having((tables) =>
      TABLES.some((table) => {
        const own = ownRulesIn(tables.get(table));
        return own.chains.length > 0 || own.hooks.length > 0;
      }),
    ),
    dockerDns: having((tables) => tables.get("nat")?.chains.includes("DOCKER_OUTPUT") === true),
    foreign: [...saved.values()].some((tables) => [...tables.values()].some(hasForeignRules)),
  };
}

/** Whether the rules of ours in a table are the wanted ones, in their places. */
async function isSo(
  there: SavedTable | undefined,
  wanted: OwnRules,
  holds: (at: string, rule: string) => Promise<boolean>,
): Promise<boolean> {
  const own = ownRulesIn(there);
  const named = new Map(own.chains.map(({ name, rules }) => [name, rules]));
  if (named.size !== wanted.chains.length || own.hooks.length !== wanted.hooks.length) return false;
  for (const { name, rules } of wanted.chains) {
    const found = named.get(name);
    if (found === undefined || found.length !== rules.length) return false;
    for (const [index, rule] of rules.entries()) {
      if (!sameRule(found[index] ?? "", rule) && !(await holds(name, rule))) return false;
    }
  }
  return await areInPlace(there, own.hooks, wanted.hooks, holds);
}

async function areInPlace(
  there: SavedTable | undefined,
  found: readonly OwnHook[],
  wanted: readonly OwnHook[],
  holds: (at: string, rule: string) => Promise<boolean>,
): Promise<boolean> {
  for (const at of new Set([...found, ...wanted].map((hook) => hook.at))) {
    const here = found.filter((hook) => hook.at === at);
    const should = wanted.filter((hook) => hook.at === at);
    if (here.length !== should.length) return false;
    const total = there?.rules.get(at)?.length ?? 0;
    const last = should.filter(({ place }) => place === "last").length;
    let behind = 0;
    for (const [index, hook] of should.entries()) {
      const place = hook.place === "last" ? total - last + ++behind : hook.place;
      const present = here[index];
      if (present === undefined || present.place !== place) return false;
      if (!sameRule(present.rule, hook.rule) && !(await holds(at, hook.rule))) return false;
    }
  }
  return true;
}

/** Asks iptables itself, for versions that list a rule in other words than ours. */
async function contains({ iptables }: Tools, table: Table, at: string, rule: string): Promise<boolean> {
  const words = (rule.match(/"[^"]*"|\S+/g) ?? []).map((word) => word.replace(/^"([^"]*)"$/, "$1"));
  const { code } = await runCommand(iptables, ["-t", table, "-C", at, ...words]);
  return code === 0;
}

/** Only the legacy tools have a lock to wait for; the kernel serialises the others. */
function waitArguments(mode: Mode, { waitSeconds, waitIntervalMicros }: Patience): readonly string[] {
  if (mode !== "legacy") return [];
  return [
    ...(waitSeconds > 0 ? [`--wait=${waitSeconds}`] : []),
    ...(waitSeconds > 0 && waitIntervalMicros > 0 ? [`--wait-interval=${waitIntervalMicros}`] : []),
  ];
}

async function output(path: string, args: readonly string[], stdin?: string): Promise<string> {
  const { code, stdout, stderr } = await runCommand(path, args, stdin);
  if (code === 0) return stdout;
  const refused = /line (\d+)/.exec(stderr)?.[1];
  const line = refused === undefined ? undefined : stdin?.split("\n")[Number(refused) - 1];
  throw new Error(
    `${path} ended with ${code}: ${stderr.trim().split("\n").join("; ")}${line === undefined || line === "COMMIT" ? "" : ` (${line})`}`,
  );
}
