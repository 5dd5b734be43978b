import type * as z from "zod";
import { formatPath, type Shape } from "./schema-shape.ts";
import { suggest } from "./suggest.ts";
import type { Violation } from "./violation.ts";

/**
 * A schema's findings as violations: paths in the API's syntax, reasons that name the choices and the likely meaning
 * of a near miss. `value` is what was parsed, `at` its path.
 */
export function schemaViolations(
  issues: readonly z.core.$ZodIssue[],
  value: unknown,
  shape: Shape,
  at: string,
): readonly Violation[] {
  return issues.flatMap((issue) => fromIssue(issue, value, shape, at, []));
}

function fromIssue(
  issue: z.core.$ZodIssue,
  value: unknown,
  shape: Shape,
  at: string,
  base: readonly PropertyKey[],
): readonly Violation[] {
  const path = [...base, ...issue.path];
  if (issue.code === "invalid_union") {
    const branch = bestBranch(issue.errors);
    if (branch !== undefined) {
      return branch.flatMap((inner) => fromIssue(inner, value, shape, at, path));
    }
  }
  return [{ field: formatPath(shape, path, at), reason: reasonOf(issue, valueAt(value, path)) }];
}

/** The branch of a union that fits the value's type; `undefined` where none does. */
function bestBranch(
  branches: readonly (readonly z.core.$ZodIssue[])[],
): readonly z.core.$ZodIssue[] | undefined {
  return branches
    .filter((issues) => !issues.some((issue) => issue.code === "invalid_type" && issue.path.length === 0))
    .toSorted((a, b) => a.length - b.length)[0];
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let here = value;
  for (const segment of path) {
    if (typeof here !== "object" || here === null) return undefined;
    here = Reflect.get(here, segment);
  }
  return here;
}

function reasonOf(issue: z.core.$ZodIssue, value: unknown): string {
  if (value === undefined) return "must be defined";
  if (!/^(Invalid|Too|Unrecognized) /.test(issue.message)) return issue.message;
  switch (issue.code) {
    case "invalid_type":
      return typeReason([issue.expected], value);
    case "invalid_union":
      return typeReason(
        issue.errors.flatMap((issues) =>
          issues.flatMap((inner) => (inner.code === "invalid_type" ? [inner.expected] : [])),
        ),
        value,
      );
    case "invalid_value":
      return enumReason(issue.values.map(String), value);
    case "too_small":
      return sizeReason("at least", issue.origin, issue.minimum, issue.inclusive !== false);
    case "too_big":
      return sizeReason("at most", issue.origin, issue.maximum, issue.inclusive !== false);
    default:
      return issue.message;
  }
}

const TYPE_NAMES: Readonly<Record<string, string>> = {
  string: "a string",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "an object",
  record: "an object",
  map: "an object",
  null: "null",
};

function typeReason(expected: readonly string[], value: unknown): string {
  const wanted = [...new Set(expected.map((type) => TYPE_NAMES[type] ?? type))].join(" or ");
  const given = value === null ? "null" : Array.isArray(value) ? "array" : typeof value;
  const quote =
    wanted === "a string" && (given === "number" || given === "boolean") ? "; put it in quotes" : "";
  const got = given === "boolean" ? String(value) : (TYPE_NAMES[given] ?? given);
  const fraction = wanted === "a whole number" && given === "number";
  return got === wanted || fraction ? `must be ${wanted}` : `must be ${wanted}, not ${got}${quote}`;
}

function enumReason(choices: readonly string[], value: unknown): string {
  const meant = typeof value === "string" ? suggest(value, choices) : undefined;
  const hint = meant === undefined ? "" : `, did you mean \`${meant}\`?`;
  return `in body should be one of [${choices.join(" ")}]${hint}`;
}

function sizeReason(bound: string, origin: string, limit: number | bigint, inclusive: boolean): string {
  if (origin === "string") return `must have ${bound} ${limit} characters`;
  if (origin === "array") return `must have ${bound} ${limit} entries`;
  if (inclusive) return `must be ${bound} ${limit}`;
  return `must be ${bound === "at least" ? "greater" : "less"} than ${limit}`;
}
