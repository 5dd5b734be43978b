import type { Violation } from "@skein/model";
import * as z from "zod";
import type { HeaderMatch } from "./header-match.ts";
import { headerName } from "./header-name.ts";
import { regexViolations } from "./re2/violations.ts";

/** Conditions on headers in the API. */
export const headerMatchesSchema = z
  .array(
    z.object({
      name: headerName(),
      type: z.enum(["Exact", "Present", "RegularExpression", "Absent", "Prefix"]).default("Exact"),
      value: z.string().optional(),
    }),
  )
  .optional();

/** What is wrong with conditions on headers: values that do not go with their types. */
export function headerMatchViolations(
  matches: readonly HeaderMatch[] | undefined,
  path: string,
): readonly Violation[] {
  return (matches ?? []).flatMap(({ type, value }, i) => {
    const field = `${path}[${i}].value`;
    if (type === "Present" || type === "Absent") {
      return value === undefined ? [] : [{ field, reason: `must not be set when type is ${type}` }];
    }
    if (value === undefined) return [{ field, reason: `must be set when type is ${type ?? "Exact"}` }];
    return type === "RegularExpression" ? regexViolations(value, field) : [];
  });
}
