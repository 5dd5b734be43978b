import type { Expression } from "./expression.ts";
import { parseExpression } from "./parse.ts";

/**
 * Whether an expression covers a text from its first to its last character, as RE2 in Envoy decides it. It follows all
 * ways at once, so no expression makes it slow as it can a search that goes back. Throws on what is no expression.
 */
export function coversText(regex: string, text: string): boolean {
  const characters = [...text];
  return ends(parseExpression(regex), new Set([0]), characters).has(characters.length);
}

/** Where an expression can end that begins at one of these places. */
function ends(expression: Expression, starts: ReadonlySet<number>, text: readonly string[]): Set<number> {
  switch (expression.kind) {
    case "character":
      return new Set(
        [...starts].flatMap((at) => {
          const character = text[at];
          return character !== undefined && expression.takes(character) ? [at + 1] : [];
        }),
      );
    case "between":
      return new Set([...starts].filter((at) => expression.holds(text[at - 1], text[at])));
    case "sequence":
      return expression.parts.reduce((at, part) => ends(part, at, text), new Set(starts));
    case "either":
      return new Set(expression.options.flatMap((option) => [...ends(option, starts, text)]));
    case "repeat":
      return repeated(expression, starts, text);
  }
}

function repeated(
  { part, min, max }: Expression & { readonly kind: "repeat" },
  starts: ReadonlySet<number>,
  text: readonly string[],
): Set<number> {
  let at = new Set(starts);
  for (let i = 0; i < min && at.size > 0; i++) at = ends(part, at, text);
  const found = new Set(at);
  for (let i = min; i < max && at.size > 0; i++) {
    at = ends(part, at, text).difference(found);
    for (const place of at) found.add(place);
  }
  return found;
}
