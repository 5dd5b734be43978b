/**
 * Compares what a command printed with what the page shows. Runs of blanks count as one, because columns move with their
 * content. A line `...` stands for any number of lines, `<any>` within a line for some text, and a line `/…/` is a
 * regular expression for the whole line.
 *
 * @returns what does not fit, as a sentence with both sides; `undefined` where all does
 */
export function mismatch(expected: readonly string[], actual: string): string | undefined {
  const want = expected.map(normal);
  const got = trimEnd(actual.split("\n").map(normal));
  if (fits(trimEnd(want), 0, got, 0, new Map())) return undefined;
  return `expected:\n${indent(expected)}\nbut the output was:\n${indent(trimEnd(actual.split("\n")))}`;
}

function fits(
  want: readonly string[],
  w: number,
  got: readonly string[],
  g: number,
  seen: Map<string, boolean>,
): boolean {
  const key = `${w},${g}`;
  const known = seen.get(key);
  if (known !== undefined) return known;
  const line = want[w];
  let result: boolean;
  if (line === undefined) result = g === got.length;
  else if (line === "...") {
    result = fits(want, w + 1, got, g, seen) || (g < got.length && fits(want, w, got, g + 1, seen));
  } else {
    const candidate = got[g];
    result = candidate !== undefined && lineFits(line, candidate) && fits(want, w + 1, got, g + 1, seen);
  }
  seen.set(key, result);
  return result;
}

function lineFits(want: string, got: string): boolean {
  const pattern = /^\/(.+)\/$/.exec(want)?.[1];
  if (pattern !== undefined) return new RegExp(`^(?:${pattern})$`).test(got);
  if (!want.includes("<any>")) return want === got;
  return new RegExp(`^${want.split("<any>").map(escapeRegExp).join(".+?")}$`).test(got);
}

function escapeRegExp(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

function normal(line: string): string {
  return line.replaceAll(/\s+/g, " ").trimEnd();
}

function trimEnd(lines: readonly string[]): readonly string[] {
  return lines.slice(0, lines.findLastIndex((line) => line.trim() !== "") + 1);
}

function indent(lines: readonly string[]): string {
  return lines.map((line) => `  | ${line}`).join("\n");
}
