import { apiPath } from "../client/api-client.ts";
import { CliError, exitCode } from "../exit.ts";
import { renderExplanation } from "../output/explanation.ts";
import { parseOutputFormat, render } from "../output/format.ts";
import { textAt } from "../read.ts";
import type { Session } from "../session.ts";

export interface ExplainOptions {
  readonly mesh: string;
  readonly port?: string;
  readonly method: string;
  readonly path: string;
  readonly header: readonly string[];
  readonly output: string;
}

/** `explain`: what the control plane says would happen to a request. Exit code 3 where it would not get through. */
export async function explain(
  session: Session,
  source: string,
  destination: string,
  options: ExplainOptions,
): Promise<void> {
  const format = parseOutputFormat(options.output);
  const client = await session.client();
  const answer = await client.get(`${apiPath("meshes", options.mesh)}/_explain`, {
    source,
    destination,
    port: options.port,
    method: options.method,
    path: options.path,
    header: options.header,
  });
  const { stringify } = await import("../yaml.ts");
  const toText = (value: unknown): string => stringify(value, { lineWidth: 0 });
  session.io.out(await render(format, answer, () => renderExplanation(answer, session.paint, toText)));
  const verdict = textAt(answer, "verdict");
  if (verdict !== "allowed") {
    throw new CliError(`${verdict}: ${textAt(answer, "reason")}`, { exitCode: exitCode.refused });
  }
}
