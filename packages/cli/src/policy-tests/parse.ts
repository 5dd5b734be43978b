import { shapeOf, unknownFields } from "@skein/model/schema-shape";
import { schemaViolations } from "@skein/model/schema-violations";
import { parsePath } from "../documents/locate.ts";
import { parseSource } from "../documents/parse.ts";
import type { Source } from "../documents/source.ts";
import { CliError, exitCode } from "../exit.ts";
import { type Suite, suiteSchema } from "./schema.ts";

/** Reads a file of policy tests; throws one line for each mistake, with its position. */
export function parseSuite(source: Source): Suite {
  const { documents, problems } = parseSource(source);
  const refuse = (lines: readonly string[]): CliError =>
    new CliError(`"${source.name}" is not a file of policy tests`, {
      details: lines,
      exitCode: exitCode.usage,
    });
  if (problems.length > 0) {
    throw refuse(problems.map(({ position, message }) => `* ${source.name}:${position}: ${message}`));
  }
  const [document, second] = documents;
  if (document === undefined) throw refuse(["* it is empty"]);
  if (second !== undefined)
    throw refuse([`* ${source.name}:${second.locate([])}: it has more than one document`]);
  const shape = shapeOf(suiteSchema);
  const line = (field: string, reason: string): string =>
    `* ${source.name}:${document.locate(parsePath(field))}: ${field === "" ? reason : `${field}: ${reason}`}`;
  const unknown = unknownFields(shape, document.content, "").map(({ path, suggestion }) =>
    line(path, suggestion === undefined ? "unknown field" : `unknown field, did you mean \`${suggestion}\`?`),
  );
  const parsed = suiteSchema.safeParse(document.content);
  const wrong = parsed.success
    ? []
    : schemaViolations(parsed.error.issues, document.content, shape, "").map(({ field, reason }) =>
        line(field, reason),
      );
  if (!parsed.success || unknown.length > 0) throw refuse([...unknown, ...wrong]);
  return parsed.data;
}
