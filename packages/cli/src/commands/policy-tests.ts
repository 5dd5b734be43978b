import { writeFileSync } from "node:fs";
import { readSources } from "../documents/source.ts";
import { CliError, exitCode, Finished, usageError } from "../exit.ts";
import type { Paint } from "../output/color.ts";
import { renderExplanation } from "../output/explanation.ts";
import { parseOutputFormat, render } from "../output/format.ts";
import type { SuiteResult, TestResult } from "../policy-tests/run.ts";
import type { Session } from "../session.ts";

export interface TestOptions {
  readonly junit?: string;
  readonly output: string;
}

/** `test`: runs files of policy tests. Exit code 1 where an expectation does not hold, 2 where a file makes no sense. */
export async function runPolicyTests(
  session: Session,
  files: readonly string[],
  options: TestOptions,
): Promise<void> {
  const format = parseOutputFormat(options.output);
  const [{ runSuite }, { junit, failedIn }, { stringify }] = await Promise.all([
    import("../policy-tests/run.ts"),
    import("../policy-tests/junit.ts"),
    import("../yaml.ts"),
  ]);
  const results: SuiteResult[] = [];
  for (const file of files) {
    const sources = await readSources(file, session.io);
    for (const source of sources) results.push(await runSuite(session, source));
  }
  if (results.length === 0) throw usageError("no file of policy tests there");
  const toText = (value: unknown): string => stringify(value, { lineWidth: 0 });
  const reasoning = (test: TestResult, paint: Paint): string =>
    test.explanation === undefined ? "" : renderExplanation(test.explanation, paint, toText);
  for (const { file, assumptions } of results) {
    for (const text of assumptions) session.io.err(`Note: ${file}: ${text}\n`);
  }
  const total = results.reduce((sum, { tests }) => sum + tests.length, 0);
  const failed = results.reduce((sum, result) => sum + failedIn(result), 0);
  const table = (): string =>
    `${results.map((result) => suiteText(result, session.paint, reasoning)).join("\n")}\n${total} tests, ${failed} failed\n`;
  session.io.out(await render(format, { total, failed, files: results }, table));
  if (options.junit !== undefined)
    write(
      options.junit,
      junit(results, (test) => reasoning(test, plain)),
    );
  if (failed > 0) throw new Finished(exitCode.error);
}

const plain: Paint = (_color, text) => text;

function suiteText(
  { file, tests }: SuiteResult,
  paint: Paint,
  reasoning: (test: TestResult, paint: Paint) => string,
): string {
  const lines = tests.flatMap((test) => {
    if (test.failures.length === 0) return [`  ${paint("green", "ok")}    ${test.name}`];
    const why = reasoning(test, paint).trimEnd();
    return [
      `  ${paint("red", "FAIL")}  ${test.name}`,
      ...test.failures.map((failure) => `        ${failure}`),
      ...(why === "" ? [] : ["", ...why.split("\n").map((line) => `        ${line}`.trimEnd()), ""]),
    ];
  });
  return `${file}\n${lines.join("\n")}\n`;
}

function write(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (cause) {
    throw new CliError(`cannot write "${path}"`, { cause });
  }
}
