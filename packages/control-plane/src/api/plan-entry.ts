import type { Origin } from "@skein/policies/plan/origin";
import { isRecord, records } from "../insights/fields.ts";

/** One rule of what a policy decided: for whom, what, and from where. */
export interface EntryRule {
  /** Absent: for every caller. */
  readonly matches?: readonly unknown[];
  readonly conf: unknown;
  readonly origins: readonly Origin[];
}

/**
 * What a policy left in a plan, as rules. A merged configuration is one rule for everybody; lists of rules, such as
 * those of permissions, are one each, under the name of their list.
 */
export function rulesOf(entry: unknown): readonly EntryRule[] {
  if (!isRecord(entry)) return [];
  if ("conf" in entry && isRecord(entry.origins)) {
    return [{ conf: entry.conf, origins: unique(Object.values(entry.origins).filter(isOrigin)) }];
  }
  return Object.entries(entry).flatMap(([list, rules]) =>
    records(rules).flatMap((rule): readonly EntryRule[] => {
      if (!isOrigin(rule.origin)) return [];
      const { origin, matches, ...rest } = rule;
      if (Array.isArray(matches)) return [{ conf: { [list]: matches }, origins: [origin] }];
      return [{ conf: rest, origins: [origin] }];
    }),
  );
}

/** The KRIs of the policies behind rules, each once, sorted. */
export function policiesOf(rules: readonly EntryRule[]): readonly string[] {
  return [...new Set(rules.flatMap(({ origins }) => origins.map(({ policy }) => policy)))].sort();
}

function unique(origins: readonly Origin[]): readonly Origin[] {
  return [...new Map(origins.map((origin) => [`${origin.policy} ${origin.rule}`, origin])).values()];
}

function isOrigin(value: unknown): value is Origin {
  return isRecord(value) && typeof value.policy === "string" && typeof value.rule === "string";
}
