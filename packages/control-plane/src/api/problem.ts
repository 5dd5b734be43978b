import type { Violation } from "@skein/model";

/** Titles of problems, by what the request was about to do. Old clients show them, so the texts are kept. */
export const titles = {
  process: "Could not process a resource",
  retrieve: "Could not retrieve a resource",
  list: "Could not retrieve resources",
  create: "Failed to create a resource",
  update: "Failed to update a resource",
  immutable: "Could not update a resource",
  delete: "Could not delete a resource",
  mesh: "Failed to retrieve Mesh",
  badRequest: "Bad Request",
  conflict: "Conflict",
  notAllowed: "Method not allowed",
  authentication: "Invalid authentication data",
  access: "Access Denied",
  invalidRequest: "Invalid request",
  token: "Could not issue a token",
  signingKey: "Signing Key not found",
  admin: "Could not execute admin operation",
  insight: "Failed to fetch dataplane insight",
  unavailable: "Service unavailable",
  tooLarge: "Request Entity Too Large",
} as const;

/** Body of an answer that says what went wrong: `details` and `causes` repeat the newer keys for old clients. */
export interface ProblemBody {
  readonly type: "/std-errors";
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly invalid_parameters?: readonly { readonly field: string; readonly reason: string }[];
  readonly details: string;
  readonly causes?: readonly { readonly field: string; readonly message: string }[];
}

/**
 * A request that cannot be fulfilled, as its caller should see it. Thrown by handlers: it ends the request, and the
 * server turns it into the answer.
 */
export class Problem extends Error {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
  readonly violations: readonly Violation[];
  constructor(status: number, title: string, detail: string, violations: readonly Violation[] = []) {
    super(`${status} ${title}: ${detail}`);
    this.name = "Problem";
    this.status = status;
    this.title = title;
    this.detail = detail;
    this.violations = violations;
  }
}

/** The keys of the body in the order that the API prints them. */
export function problemBody(problem: Problem): ProblemBody {
  const { status, title, detail, violations } = problem;
  const body = { type: "/std-errors" as const, status, title, detail };
  if (violations.length === 0) return { ...body, details: detail };
  return {
    ...body,
    invalid_parameters: violations.map(({ field, reason }) => ({ field, reason })),
    details: detail,
    causes: violations.map(({ field, reason }) => ({ field, message: reason })),
  };
}

/** 400: the document breaks a rule. `title` tells which step refused it. */
export function invalid(title: string, violations: readonly Violation[]): Problem {
  return new Problem(400, title, "Resource is not valid", violations);
}

/** 404 with the title of the operation. */
export function notFound(title: string): Problem {
  return new Problem(404, title, "Not found");
}
