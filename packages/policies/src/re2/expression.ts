/** A regular expression, as far as it matters for covering a whole text: groups and greed make no difference. */
export type Expression =
  /** One character that a test takes. */
  | { readonly kind: "character"; readonly takes: (character: string) => boolean }
  | { readonly kind: "sequence"; readonly parts: readonly Expression[] }
  | { readonly kind: "either"; readonly options: readonly Expression[] }
  | { readonly kind: "repeat"; readonly part: Expression; readonly min: number; readonly max: number }
  /** Between two characters, of which either may be missing. */
  | {
      readonly kind: "between";
      readonly holds: (before: string | undefined, after: string | undefined) => boolean;
    };
