import type { SuiteResult, TestResult } from "./run.ts";

/** Results in the form that pipelines read: one suite for each file. `explain` tells the reasoning of a failed test. */
export function junit(results: readonly SuiteResult[], explain: (test: TestResult) => string): string {
  const total = results.reduce((sum, { tests }) => sum + tests.length, 0);
  const failed = results.reduce((sum, result) => sum + failedIn(result), 0);
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites tests="${total}" failures="${failed}">`,
    ...results.flatMap((result) => [
      `  <testsuite name="${escaped(result.file)}" tests="${result.tests.length}" failures="${failedIn(result)}">`,
      ...result.tests.flatMap((test) => caseLines(result.file, test, explain)),
      "  </testsuite>",
    ]),
    "</testsuites>",
  ];
  return `${lines.join("\n")}\n`;
}

function caseLines(file: string, test: TestResult, explain: (test: TestResult) => string): readonly string[] {
  const open = `    <testcase classname="${escaped(file)}" name="${escaped(test.name)}"`;
  if (test.failures.length === 0) return [`${open}/>`];
  return [
    `${open}>`,
    `      <failure message="${escaped(test.failures.join("; "))}">${escaped(explain(test))}</failure>`,
    "    </testcase>",
  ];
}

/** How many tests of a file failed. */
export function failedIn({ tests }: SuiteResult): number {
  return tests.filter(({ failures }) => failures.length > 0).length;
}

function escaped(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    .replaceAll("\n", "&#10;")
    .replaceAll(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd]/g, "?");
}
