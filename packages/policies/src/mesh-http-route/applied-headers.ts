import type { HeaderModifier, HttpRouteFilter, NamedValue } from "./conf.ts";

/** What filters change in the headers of a message, in this order. Names are lower-case. */
export interface HeaderChanges {
  readonly remove: readonly string[];
  /** In place of what is there; of one name the last. */
  readonly set: readonly NamedValue[];
  /** Beside what is there. */
  readonly add: readonly NamedValue[];
}

/** What all filters together change in requests. */
export function requestChanges(filters: readonly HttpRouteFilter[]): HeaderChanges {
  return together(filters.flatMap(({ requestHeaderModifier }) => requestHeaderModifier ?? []));
}

/** What all filters together change in answers. */
export function responseChanges(filters: readonly HttpRouteFilter[]): HeaderChanges {
  return together(filters.flatMap(({ responseHeaderModifier }) => responseHeaderModifier ?? []));
}

/**
 * The headers that come out otherwise, several values of one name with a comma between them; null for one that is gone.
 * Variables of Envoy, such as `%START_TIME%`, stay as they are written.
 */
export function changedHeaders(
  { remove, set, add }: HeaderChanges,
  headers: Readonly<Record<string, string>>,
): Readonly<Record<string, string | null>> {
  const after = new Map(Object.entries(headers));
  for (const name of remove) after.delete(name);
  for (const { name, value } of set) after.set(name, value);
  for (const { name, value } of add) {
    const before = after.get(name);
    after.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  const touched = [...new Set([...remove, ...[...set, ...add].map(({ name }) => name)])].sort();
  return Object.fromEntries(
    touched.flatMap((name) => {
      const is = after.get(name);
      return is === headers[name] ? [] : [[name, is ?? null]];
    }),
  );
}

/** Envoy removes first, then sets, then adds, whichever filter says so; without a value there is nothing to set or add. */
function together(modifiers: readonly HeaderModifier[]): HeaderChanges {
  const values = (list: readonly NamedValue[] = []): readonly NamedValue[] =>
    list.filter(({ value }) => value !== "");
  return {
    remove: modifiers.flatMap(({ remove = [] }) => remove),
    set: modifiers.flatMap(({ set }) => values(set)),
    add: modifiers.flatMap(({ add }) => values(add)),
  };
}
