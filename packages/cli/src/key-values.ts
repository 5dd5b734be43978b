import { usageError } from "./exit.ts";

/** Repeated `key=value` options as entries; only the first `=` splits. */
export function parseKeyValues(
  flag: string,
  texts: readonly string[],
): readonly (readonly [string, string])[] {
  return texts.map((text) => {
    const split = text.indexOf("=");
    if (split < 1) throw usageError(`${flag} "${text}" must be written key=value`);
    return [text.slice(0, split), text.slice(split + 1)] as const;
  });
}
