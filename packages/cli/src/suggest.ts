import { suggest } from "@skein/model/suggest";

/** `; did you mean "x"?` or nothing, to append to a sentence. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const candidate = suggest(word, candidates);
  return candidate === undefined ? "" : `; did you mean "${candidate}"?`;
}
