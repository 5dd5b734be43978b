import { apiPath } from "../client/api-client.ts";
import { exitCode, Finished, usageError } from "../exit.ts";
import type { Paint } from "../output/color.ts";
import { parseOutputFormat, render } from "../output/format.ts";
import { renderTable } from "../output/table.ts";
import { textAt } from "../read.ts";
import type { Session } from "../session.ts";
import { didYouMean } from "../suggest.ts";

export interface AnalyzeOptions {
  readonly mesh?: string;
  readonly file: readonly string[];
  readonly severity: string;
  readonly strict?: boolean;
  readonly output: string;
}

/** From the least to the most that matters. */
const SEVERITIES = ["info", "warning", "error"];

/** `analyze`: what in a live mesh, or in files, is probably not what its people want. */
export async function analyze(session: Session, options: AnalyzeOptions): Promise<void> {
  const format = parseOutputFormat(options.output);
  const least = SEVERITIES.indexOf(options.severity);
  if (least < 0) {
    throw usageError(
      `unknown severity "${options.severity}": it must be one of ${SEVERITIES.join(", ")}${didYouMean(options.severity, SEVERITIES)}`,
    );
  }
  const found = options.file.length === 0 ? await live(session, options) : await offline(session, options);
  const items = found.filter((item) => SEVERITIES.indexOf(textAt(item, "severity")) >= least);
  const table = (): string => (items.length === 0 ? "Nothing found\n" : findingsTable(items, session.paint));
  session.io.out(await render(format, { total: items.length, items }, table));
  const has = (severity: string): boolean => items.some((item) => textAt(item, "severity") === severity);
  if (has("error")) throw new Finished(exitCode.usage);
  if (options.strict === true && has("warning")) throw new Finished(exitCode.error);
}

async function live(session: Session, { mesh = "default" }: AnalyzeOptions): Promise<readonly unknown[]> {
  const client = await session.client();
  return client.all(`${apiPath("meshes", mesh)}/_analysis`);
}

async function offline(session: Session, { file, mesh }: AnalyzeOptions): Promise<readonly unknown[]> {
  const { loadEngine } = await import("../offline/load-engine.ts");
  const engine = await loadEngine(session, file);
  for (const text of engine.assumptions) session.io.err(`Note: ${text}\n`);
  const meshes = mesh === undefined ? engine.meshes : [mesh];
  return meshes.flatMap((name) => engine.analyze(name, session.io.now()));
}

function findingsTable(items: readonly unknown[], paint: Paint): string {
  const rows = items.map((item) => {
    const path = textAt(item, "path");
    const mesh = textAt(item, "resource", "mesh");
    const name = `${textAt(item, "resource", "type")} ${mesh === "" ? "" : `${mesh}/`}${textAt(item, "resource", "name")}`;
    return [
      textAt(item, "code"),
      severityWord(textAt(item, "severity"), paint),
      path === "" ? name : `${name} ${path}`,
      `${textAt(item, "message")}. Fix: ${textAt(item, "fix")}`,
    ];
  });
  return renderTable(["CODE", "SEVERITY", "WHERE", "WHAT"], rows);
}

function severityWord(severity: string, paint: Paint): string {
  return severity === "error"
    ? paint("red", severity)
    : severity === "warning"
      ? paint("yellow", severity)
      : severity;
}
