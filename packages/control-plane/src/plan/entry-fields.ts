import type { CallerMatch } from "@skein/policies";
import type { Origin } from "@skein/policies/plan/origin";
import { isRecord } from "../insights/fields.ts";
import { routeFields, routeRulesOf } from "./route-entries.ts";

/** One value that a policy left in a plan. */
export interface EntryField {
  /** The callers or the route that it is about, where not all. */
  readonly caller?: CallerMatch;
  readonly route?: string;
  /** Path in the entry, e.g. `http.requestTimeout`; of an item in a list of rules, the list. */
  readonly path: string;
  readonly value: unknown;
  /** It is one of several values of this path. */
  readonly isItem?: true;
  /** Absent for what the entry says by itself, such as its model. */
  readonly origin?: Origin;
}

type About = Pick<EntryField, "caller" | "route">;

/**
 * The values of a plan entry with the rule that each came from. It reads the shapes that entries have in common: merged
 * configurations with their origins, for all or by caller or by route, rules that carry their origin, and routes.
 */
export function entryFields(entry: unknown): readonly EntryField[] {
  const routes = routeRulesOf(entry);
  return routes === undefined ? fields(entry, "", {}) : routeFields(routes);
}

function fields(value: unknown, path: string, about: About): readonly EntryField[] {
  if (Array.isArray(value)) {
    if (value.length === 0) return [];
    return value.some(hasOrigin)
      ? value.flatMap((item) => fields(item, path, about))
      : [{ ...about, path, value }];
  }
  if (!isRecord(value)) return value === undefined ? [] : [{ ...about, path, value }];
  if (isRecord(value.origins) && "conf" in value) return mergedFields(value, path, about);
  const { origin, ...rest } = value;
  if (isOrigin(origin)) return ruleFields(rest, origin, path, about);
  return Object.entries(value).flatMap(([key, inner]) => fields(inner, joined(path, key), about));
}

function mergedFields(
  { conf, origins, callers, routes, ...rest }: Record<string, unknown>,
  path: string,
  about: About,
): readonly EntryField[] {
  const known = isRecord(origins) ? origins : {};
  const originOf = (field: string): { readonly origin?: Origin } => {
    for (let at = field; ; at = at.slice(0, Math.max(at.lastIndexOf("."), at.lastIndexOf("[")))) {
      const found = known[at];
      if (isOrigin(found)) return { origin: found };
      if (at === "" || !/[.[]/.test(at)) return {};
    }
  };
  const own = leaves(conf, "", known).map(([field, value]) => ({
    ...about,
    path: joined(path, field),
    value,
    ...originOf(field),
  }));
  const byCaller = (Array.isArray(callers) ? callers : []).flatMap((each) =>
    isRecord(each) ? fields(withoutMatch(each), path, { ...about, caller: each.match as CallerMatch }) : [],
  );
  const byRoute = Object.entries(isRecord(routes) ? routes : {}).flatMap(([route, each]) =>
    fields(each, path, { ...about, route }),
  );
  return [...own, ...fields(rest, path, about), ...byCaller, ...byRoute];
}

function withoutMatch({ match: _, ...merged }: Record<string, unknown>): unknown {
  return merged;
}

/** A rule whose matches are alternatives is as many values as it has of them. */
function ruleFields(
  rule: Record<string, unknown>,
  origin: Origin,
  path: string,
  about: About,
): readonly EntryField[] {
  const { matches, ...rest } = rule;
  if (Array.isArray(matches) && Object.keys(rest).length === 0) {
    return matches.map((value: unknown) => ({ ...about, path, value, isItem: true, origin }));
  }
  return [{ ...about, path, value: rule, isItem: true, origin }];
}

/** Values by path. A list is one value, but those whose elements have origins of their own. */
function leaves(
  value: unknown,
  path: string,
  origins: Readonly<Record<string, unknown>>,
): readonly (readonly [path: string, value: unknown])[] {
  if (value === undefined) return [];
  if (Array.isArray(value)) {
    return `${path}[0]` in origins
      ? value.map((item: unknown, i) => [`${path}[${i}]`, item] as const)
      : [[path, value]];
  }
  if (!isRecord(value)) return [[path, value]];
  const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
  if (entries.length === 0 && path !== "") return [[path, {}]];
  return entries.flatMap(([key, inner]) => leaves(inner, joined(path, key), origins));
}

function joined(path: string, key: string): string {
  return path === "" || key === "" ? path + key : `${path}.${key}`;
}

function hasOrigin(value: unknown): boolean {
  return isRecord(value) && isOrigin(value.origin);
}

/** Whether a value is the origin of another. */
export function isOrigin(value: unknown): value is Origin {
  return isRecord(value) && typeof value.policy === "string" && typeof value.rule === "string";
}
