import fc from "fast-check";

/** A document of the API. */
export type Document = Readonly<Record<string, unknown>>;

/** Leaves out what is not there, as a document does. */
export function compact(fields: Document): Document {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** It, or nothing. */
export const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
