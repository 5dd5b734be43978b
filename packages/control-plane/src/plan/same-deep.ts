/** Whether two plain values say the same. Plans share their parts, so most parts are compared by identity. */
export function sameDeep(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a)) {
    return Array.isArray(b) && a.length === b.length && a.every((item, i) => sameDeep(item, b[i]));
  }
  // Without lists of the fields: there would be some for every part of every plan that is compared.
  let more = 0;
  for (const key in a) {
    if (!sameDeep(Reflect.get(a, key), Reflect.get(b, key))) return false;
    more += 1;
  }
  for (const _ in b) more -= 1;
  return more === 0;
}
