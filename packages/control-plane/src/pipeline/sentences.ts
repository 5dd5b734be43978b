import type { DataplaneResource } from "@skein/model";

/** `1 dataplane`, `2 dataplanes`. */
export function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}

/** The first names of some, for a sentence. */
export function examples(dataplanes: readonly DataplaneResource[]): string {
  const names = dataplanes.slice(0, 3).map(({ name }) => name);
  return dataplanes.length > 3 ? `${names.join(", ")}, …` : names.join(", ");
}
