import type { Config, Redirection } from "../config/config.ts";
import type { Range } from "../config/readers.ts";
import type { Chain, Hook, Match, Rule, Table, Verdict } from "./rule.ts";

/** Chains with the hooks that lead into them. */
export interface Part {
  readonly chains: readonly Chain[];
  readonly hooks: readonly Hook[];
}

/** The packet goes on as if the chain were not there. */
export const RETURN: Verdict = { kind: "return" };
/** The port that DNS servers listen on. */
export const DNS_PORT: readonly Range[] = [{ from: 53, to: 53 }];

/** A chain of rules, in the order in which they are tried. */
export function chain(table: Table, name: string, rules: readonly Rule[]): Chain {
  return { table, name, rules };
}

/** A rule, and why it is there. */
export function rule(match: Match, verdict: Verdict, comment: string): Rule {
  return { match, verdict, comment };
}

/** The chain that hands TCP connections to the proxy. */
export function redirectChain(name: string, { port }: Redirection): Chain {
  return chain("nat", name, [
    rule({ protocol: "tcp" }, { kind: "redirect", port }, `to port ${port} of the proxy`),
  ]);
}

/** The rule by which the kernel logs what comes into a chain, where that is asked for. */
export function log(config: Config, what: string): readonly Rule[] {
  if (config.logLevel === undefined) return [];
  return [
    rule({}, { kind: "log", prefix: `kuma-mesh ${what}: `, level: config.logLevel }, "logged by the kernel"),
  ];
}

/** For comments: `80`, or `80-90`. */
export function showRange({ from, to }: Range): string {
  return from === to ? String(from) : `${from}-${to}`;
}
