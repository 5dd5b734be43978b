import type { ModificationKind } from "./conf.ts";

/** Where in a listener a filter stands. */
export type FilterPlace = "http" | "network" | "listener";

const WORDS: Readonly<Record<FilterPlace, { readonly a: string; readonly home: string }>> = {
  http: {
    a: "an HTTP filter",
    home: "it belongs inside an HTTP connection manager, where an httpFilter modification puts it",
  },
  network: {
    a: "a network filter",
    home: "it belongs into a filter chain, where a networkFilter modification puts it",
  },
  listener: { a: "a listener filter", home: "it belongs into listenerFilters of a listener" },
};

/**
 * A sentence where a message is the configuration of a filter that does not belong to this place. Envoy's packages tell:
 * `envoy.extensions.filters.<place>.…`.
 */
export function misplacedType(place: FilterPlace, typeName: string): string | undefined {
  return misplaced(place, typeName, /^envoy\.extensions\.filters\.(http|network|listener)\./.exec(typeName));
}

/** The same for the conventional name of a filter that a modification is to find, such as `envoy.filters.http.router`. */
export function misplacedName(kind: ModificationKind, name: string): string | undefined {
  if (kind !== "networkFilter" && kind !== "httpFilter") return undefined;
  const place = kind === "httpFilter" ? "http" : "network";
  return misplaced(place, name, /^envoy\.filters\.(http|network|listener)\./.exec(name));
}

function misplaced(place: FilterPlace, name: string, found: RegExpExecArray | null): string | undefined {
  const actual = found?.[1] as FilterPlace | undefined;
  if (actual === undefined || actual === place) return undefined;
  return `${name} is ${WORDS[actual].a}, and ${WORDS[place].a} belongs here: ${WORDS[actual].home}`;
}
