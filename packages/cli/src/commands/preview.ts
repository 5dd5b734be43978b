import type { UnknownFieldPolicy } from "@skein/model";
import { parseJsonObject } from "../client/api-client.ts";
import { apiErrorOf } from "../client/api-error.ts";
import { CliError } from "../exit.ts";
import { parseOutputFormat, render } from "../output/format.ts";
import { describePreview } from "../output/preview.ts";
import { listAt, textAt, valueAt } from "../read.ts";
import type { Session } from "../session.ts";

/** A write that is only tried. */
export interface TriedChange {
  readonly op: "put" | "delete";
  readonly type: string;
  /** Empty for what is in no mesh. */
  readonly mesh: string;
  readonly name: string;
  readonly resource?: unknown;
}

/** `--dry-run=server`: asks the control plane what changes would do, prints that, and fails where one is refused. */
export async function printPreview(
  session: Session,
  changes: readonly TriedChange[],
  options: { readonly output: string; readonly validate?: UnknownFieldPolicy },
): Promise<void> {
  const format = parseOutputFormat(options.output);
  const client = await session.client();
  const response = await client.request("POST", "/_preview", {
    body: { changes },
    ...(options.validate === undefined ? {} : { query: { validate: options.validate } }),
  });
  if (response.status === 404 || response.status === 405) {
    throw new CliError("this control plane has no previews: --dry-run=server needs Skein's");
  }
  if (response.status >= 400) throw apiErrorOf(response.status, response.body);
  const preview = parseJsonObject(response, client.url);
  for (const document of listAt(preview, "documents")) {
    for (const warning of listAt(document, "warnings")) session.io.err(`Warning: ${String(warning)}\n`);
  }
  session.io.out(await render(format, preview, () => describePreview(preview, session.paint)));
  const refused = listAt(preview, "documents").filter((each) => textAt(each, "outcome") === "refused");
  if (refused.length > 0) throw refusal(refused);
}

function refusal(refused: readonly unknown[]): CliError {
  const lines = refused.flatMap((each) => {
    const problem = apiErrorOf(
      Number(textAt(each, "problem", "status")),
      JSON.stringify(valueAt(each, "problem")),
    );
    return [`* ${textAt(each, "type")} "${textAt(each, "name")}": ${problem.message}`, ...problem.details];
  });
  const count = refused.length === 1 ? "a document" : `${refused.length} documents`;
  return new CliError(`the control plane would refuse ${count}`, { details: lines });
}
