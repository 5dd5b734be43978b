/** Every host. */
const ANY = "*";

/** A host name, or all names below a domain (`*.example.com`), or all (`*`); in lower case. */
export type HostPattern = string;

/** Whether every host that `inner` is about is one that `outer` is about. `*.a` is about names of any depth below `a`. */
export function covers(outer: HostPattern, inner: HostPattern): boolean {
  if (outer === inner || outer === ANY) return true;
  return outer.startsWith("*.") && inner.endsWith(outer.slice(1)) && inner.length > outer.length - 1;
}

/** The hosts that two patterns are both about; `undefined` where there are none. */
export function commonHosts(a: HostPattern, b: HostPattern): HostPattern | undefined {
  if (covers(a, b)) return b;
  return covers(b, a) ? a : undefined;
}

/** Orders patterns as hosts are looked up: whole names first, then the longer wildcard; `*` is last. */
export function compareHosts(a: HostPattern, b: HostPattern): number {
  return (
    Number(a.startsWith(ANY)) - Number(b.startsWith(ANY)) ||
    b.length - a.length ||
    (a < b ? -1 : a > b ? 1 : 0)
  );
}

/**
 * Of the patterns that share a port, the one that gets the hosts of `wanted`: the most specific one that is about all of
 * them. `undefined` where none is.
 */
export function ownerOf(wanted: HostPattern, patterns: readonly HostPattern[]): HostPattern | undefined {
  return patterns.filter((pattern) => covers(pattern, wanted)).sort(compareHosts)[0];
}
