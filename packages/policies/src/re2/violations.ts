import type { Violation } from "@skein/model";
import { parseExpression } from "./parse.ts";

/** What is wrong with a regular expression. Envoy's are RE2's: like JavaScript's, without look-around and back-references. */
export function regexViolations(text: string, field: string): readonly Violation[] {
  if (text === "") return [{ field, reason: "must not be empty when type is RegularExpression" }];
  if (/\(\?<?[=!]|\\[1-9]/.test(text)) {
    return [
      {
        field,
        reason: "must not use look-around or back-references: Envoy's regular expressions (RE2) have none",
      },
    ];
  }
  try {
    parseExpression(text);
    return [];
  } catch {
    return [{ field, reason: "must be a regular expression (RE2 syntax)" }];
  }
}
