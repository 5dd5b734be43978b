import { dirname, isAbsolute, join } from "node:path";
import type { Explanation } from "@skein/control-plane/offline";
import type { Source } from "../documents/source.ts";
import { loadEngine } from "../offline/load-engine.ts";
import type { Session } from "../session.ts";
import { mismatches } from "./mismatches.ts";
import { parseSuite } from "./parse.ts";

/** How one test went. */
export interface TestResult {
  readonly name: string;
  readonly from: string;
  readonly to: string;
  /** Sentences about what was not as expected; empty where the test holds. */
  readonly failures: readonly string[];
  /** Absent where the question could not be answered. */
  readonly explanation?: Explanation;
}

/** How the tests of one file went. */
export interface SuiteResult {
  readonly file: string;
  readonly assumptions: readonly string[];
  readonly tests: readonly TestResult[];
}

/** Runs the tests of one file. */
export async function runSuite(session: Session, source: Source): Promise<SuiteResult> {
  const suite = parseSuite(source);
  const beside = (path: string): string =>
    isAbsolute(path) || path.includes("://") ? path : join(dirname(source.name), path);
  const engine = await loadEngine(session, suite.resources.map(beside), suite.zone);
  const tests = suite.tests.map((test): TestResult => {
    const { name, from, to, mesh = suite.mesh, port, method, path, headers } = test;
    const answer = engine.explain({
      mesh,
      source: from,
      destination: to,
      ...(port === undefined ? {} : { port }),
      ...(method === undefined ? {} : { method: method.toUpperCase() }),
      ...(path === undefined ? {} : { path }),
      ...(headers === undefined ? {} : { headers: lowerCase(headers) }),
    });
    if (!answer.ok) return { name, from, to, failures: [`${answer.error.field}: ${answer.error.message}`] };
    return { name, from, to, failures: mismatches(test, answer.value), explanation: answer.value };
  });
  return { file: source.name, assumptions: engine.assumptions, tests };
}

function lowerCase(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}
