import { type KindDefinition, type NewResource, parseResource, type UnknownFieldPolicy } from "@skein/model";
import { parseJson } from "./body.ts";
import { invalid, Problem, titles } from "./problem.ts";

/** What a request asked to be stored, and what its sender should know about it. */
export interface Document {
  readonly resource: NewResource;
  readonly warnings: readonly string[];
}

/** Where the URL says that the document belongs. */
export interface Place {
  readonly mesh: string;
  readonly name: string;
}

/**
 * Reads the body of a PUT.
 * @throws Problem 400
 */
export function readDocument(
  kind: KindDefinition,
  text: string,
  unknownFields: UnknownFieldPolicy,
): Document {
  const json = parseJson(text);
  if ("problem" in json) throw malformed(kind, json.problem);
  if (typeof json.value !== "object" || json.value === null || Array.isArray(json.value)) {
    throw malformed(kind, "a resource is a JSON object");
  }
  const { resource, violations, warnings } = parseResource(kind, json.value, { unknownFields });
  if (resource) return { resource, warnings };
  throw invalid(
    titles.process,
    violations.map((violation) =>
      violation.field === "type" ? typeViolation(kind, violation.reason) : violation,
    ),
  );
}

/**
 * `validate` of the query.
 * @throws Problem 400
 */
export function unknownFieldPolicy(query: URLSearchParams): UnknownFieldPolicy {
  const choice = query.get("validate")?.toLowerCase() ?? "";
  if (choice === "") return "warn";
  if (choice === "strict" || choice === "warn" || choice === "ignore") return choice;
  throw new Problem(400, titles.process, "Resource is not valid", [
    { field: "validate", reason: `"${choice}" is not one of strict, warn, ignore` },
  ]);
}

/**
 * Refuses a document that names another place than the URL.
 * @throws Problem 400
 */
export function requirePlace(resource: NewResource, place: Place): void {
  const violations = (["name", "mesh"] as const)
    .filter((field) => resource[field] !== place[field])
    .map((field) => ({ field, reason: `${field} from the URL has to be the same as in body` }));
  if (violations.length > 0) throw invalid(titles.process, violations);
}

function malformed(kind: KindDefinition, problem: string): Problem {
  return new Problem(400, titles.badRequest, `invalid ${kind.type} object: "${problem}"`);
}

/** The two shapes of kinds report a wrong type at different fields; clients match on both. */
function typeViolation(kind: KindDefinition, reason: string): { field: string; reason: string } {
  return kind.shape === "spec"
    ? { field: "", reason }
    : { field: "type", reason: "type from the URL has to be the same as in body" };
}
