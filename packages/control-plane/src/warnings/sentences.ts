/** `1 dataplane`, `2 dataplanes`. */
export function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}

/** The first names of some, for a sentence. */
export function examples(named: readonly { readonly name: string }[]): string {
  const names = named.slice(0, 3).map(({ name }) => name);
  return named.length > 3 ? `${names.join(", ")}, …` : names.join(", ");
}
