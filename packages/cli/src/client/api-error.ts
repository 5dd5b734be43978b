import { CliError } from "../exit.ts";
import { isObject, listAt, textAt } from "../read.ts";

/** A refusal by the control plane, told as users of the grammar expect: title, detail, one line per field. */
export class ApiError extends CliError {
  readonly status: number;

  constructor(status: number, message: string, details: readonly string[]) {
    super(message, { details });
    this.name = "ApiError";
    this.status = status;
  }
}

/** Reads a problem document, also one with only the older `details` and `causes`; any other body is shown as it is. */
export function apiErrorOf(status: number, body: string): ApiError {
  const problem = parseProblem(body);
  if (problem === undefined) {
    const text = body.trim();
    return new ApiError(status, `(${status})${text === "" ? "" : `: ${text}`}`, []);
  }
  const detail = textAt(problem, "detail") || textAt(problem, "details");
  const title = textAt(problem, "title");
  const current = listAt(problem, "invalid_parameters").map((item) => [
    textAt(item, "field"),
    textAt(item, "reason"),
  ]);
  const legacy = listAt(problem, "causes").map((item) => [textAt(item, "field"), textAt(item, "message")]);
  const lines = (current.length > 0 ? current : legacy).map(([field = "", reason = ""]) =>
    field === "" ? `* ${reason}` : `* ${field}: ${reason}`,
  );
  return new ApiError(status, detail === "" ? title : `${title} (${detail})`, lines);
}

function parseProblem(body: string): unknown {
  try {
    const value: unknown = JSON.parse(body);
    return isObject(value) && typeof value.title === "string" ? value : undefined;
  } catch {
    return undefined;
  }
}
