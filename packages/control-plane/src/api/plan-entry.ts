import type { Origin } from "@skein/policies/plan/origin";
import { isRecord, records } from "../insights/fields.ts";
import { entryFields, isOrigin } from "../plan/entry-fields.ts";
import { type RouteRule, routeRulesOf } from "../plan/route-entries.ts";

/** One rule of what a policy decided: for whom, what, and from where. */
export interface EntryRule {
  /** Absent: for every caller. */
  readonly matches?: readonly unknown[];
  /** KRI of the route that it is about; absent: for the destination as a whole. */
  readonly route?: string;
  readonly conf: unknown;
  readonly origins: readonly Origin[];
}

/** A field of what is in force, with the rule that it comes from. */
export interface FieldOrigin {
  readonly path: string;
  readonly value: unknown;
  readonly kri: string;
  readonly rule: string;
  readonly caller?: unknown;
}

/**
 * What a policy left in a plan, as rules. A merged configuration is one rule for everybody, and one for each group of
 * callers and each route for which it differs; lists of rules, such as those of permissions, are one each, under the
 * name of their list; routes are one list in the order in which they are tried.
 */
export function rulesOf(entry: unknown): readonly EntryRule[] {
  if (!isRecord(entry)) return [];
  const routes = routeRulesOf(entry);
  if (routes !== undefined) return routeRule(routes);
  if ("conf" in entry && isRecord(entry.origins)) return mergedRules(entry);
  return Object.entries(entry).flatMap(([list, value]) =>
    isRecord(value)
      ? rulesOf(value)
      : records(value).flatMap((rule): readonly EntryRule[] => {
          if (!isOrigin(rule.origin)) return [];
          const { origin, matches, ...rest } = rule;
          if (Array.isArray(matches)) return [{ conf: { [list]: matches }, origins: [origin] }];
          return [{ conf: rest, origins: [origin] }];
        }),
  );
}

/** The rules that hold for a destination as a whole. */
export function wholeRules(entry: unknown): readonly EntryRule[] {
  return rulesOf(entry).filter(({ route }) => route === undefined);
}

/** The rules that hold for a route: its own where some rule is about it, else those of its destination. */
export function routeRules(entry: unknown, route: string): readonly EntryRule[] {
  const own = rulesOf(entry).filter((rule) => rule.route === route);
  return own.length > 0 ? own : wholeRules(entry);
}

/**
 * Where the fields of an entry come from: for a destination as a whole, or for one of its routes, which has what its
 * destination has where nothing is about it.
 */
export function fieldOrigins(entry: unknown, route?: string): readonly FieldOrigin[] {
  const all = entryFields(entry);
  const isOwn = route !== undefined && all.some((field) => field.route === route);
  return all
    .filter((field) => field.route === (isOwn ? route : undefined))
    .flatMap(({ path, value, caller, origin }) =>
      origin === undefined
        ? []
        : [
            {
              path,
              value,
              kri: origin.policy,
              rule: origin.rule,
              ...(caller === undefined ? {} : { caller }),
            },
          ],
    );
}

/** The KRIs of the policies behind rules, each once, sorted. */
export function policiesOf(rules: readonly EntryRule[]): readonly string[] {
  return [...new Set(rules.flatMap(({ origins }) => origins.map(({ policy }) => policy)))].sort();
}

/** The rules of routes are one list, as they stand in a document. */
function routeRule(rules: readonly RouteRule[]): readonly EntryRule[] {
  if (rules.length === 0) return [];
  return [
    {
      conf: {
        rules: rules.map(({ match, conf }) => ({
          ...(match === undefined ? {} : { matches: [match] }),
          default: conf,
        })),
      },
      origins: unique(rules.flatMap(({ origin, origins }) => [origin, ...Object.values(origins)])),
    },
  ];
}

function mergedRules({ callers, routes, ...own }: Readonly<Record<string, unknown>>): readonly EntryRule[] {
  const common = mergedRule(own);
  const special = [
    ...records(callers).map((each) => ({ matches: [each.match], ...mergedRule(each) })),
    ...Object.entries(isRecord(routes) ? routes : {}).flatMap(([route, each]) =>
      isRecord(each) ? [{ route, ...mergedRule(each) }] : [],
    ),
  ];
  // Where only some callers or routes have rules, nothing holds for the others.
  return special.length > 0 && common.origins.length === 0 ? special : [common, ...special];
}

function mergedRule({ conf, origins }: Readonly<Record<string, unknown>>): EntryRule {
  return { conf, origins: unique(Object.values(isRecord(origins) ? origins : {}).filter(isOrigin)) };
}

function unique(origins: readonly Origin[]): readonly Origin[] {
  return [...new Map(origins.map((origin) => [`${origin.policy} ${origin.rule}`, origin])).values()];
}
