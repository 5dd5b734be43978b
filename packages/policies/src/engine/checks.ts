import { durationMs, type Violation } from "@skein/model";

/** A duration that must be longer than nothing. */
export function positiveDuration(text: string | undefined, field: string): readonly Violation[] {
  return text === undefined || durationMs(text) > 0 ? [] : [{ field, reason: "must be greater than 0" }];
}

/** A duration that may be zero (off) but not negative. */
export function nonNegativeDuration(text: string | undefined, field: string): readonly Violation[] {
  return text === undefined || durationMs(text) >= 0
    ? []
    : [{ field, reason: "must not be negative when defined" }];
}

/** A count that must be at least one. */
export function positive(value: number | undefined, field: string): readonly Violation[] {
  return value === undefined || value > 0 ? [] : [{ field, reason: "must be greater than 0" }];
}

/** An object in which at least one of these fields must be set. */
export function atLeastOne(value: object, fields: readonly string[], field: string): readonly Violation[] {
  if (fields.some((name) => Reflect.get(value, name) !== undefined)) return [];
  return [{ field, reason: `must have at least one defined: ${fields.join(", ")}` }];
}
