import * as z from "zod";
import type { Violation } from "./violation.ts";

const DECIMAL = /^-?[0-9]+(\.[0-9]+)?$/;

/** A whole number, or a string that holds a decimal number (`"12.5"`): how the API writes percentages. */
export function intOrString() {
  return z.union([
    z.int(),
    z.string().regex(DECIMAL, { message: 'must be a whole number or a decimal string such as "12.5"' }),
  ]);
}

/** A value that `intOrString()` accepts. */
export type IntOrString = number | string;

/** The number that an `IntOrString` stands for. */
export function intOrStringValue(value: IntOrString): number {
  return typeof value === "number" ? value : Number(value);
}

/** A violation when a percentage is not between 0 and 100; nothing when it is absent. */
export function validatePercent(value: IntOrString | undefined, field: string): readonly Violation[] {
  if (value === undefined) return [];
  const number = intOrStringValue(value);
  return number >= 0 && number <= 100 ? [] : [{ field, reason: "must be in inclusive range [0, 100]" }];
}
