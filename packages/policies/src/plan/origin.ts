/** Where a value of the plan came from: the policy and the place inside it. */
export interface Origin {
  /** KRI of the policy. */
  readonly policy: string;
  /** Path of the rule inside its spec, e.g. `to[0]` or `rules[1]`. */
  readonly rule: string;
}

/** A configuration merged from several policies, and for each of its fields the one that won. */
export interface Merged<Conf> {
  readonly conf: Conf;
  /** By path inside `conf`, e.g. `http.requestTimeout`. A list is one field, except `append…` lists: one per element. */
  readonly origins: Readonly<Record<string, Origin>>;
}

/** What policies decided, by kind of policy. Each policy folder knows the shape of its own entry. */
export type PolicyPlans = Readonly<Record<string, unknown>>;

/** KRIs of all the policies that left something in a merged configuration, sorted. */
export function contributors(origins: Iterable<Origin>): readonly string[] {
  return [...new Set(Array.from(origins, (origin) => origin.policy))].sort();
}
