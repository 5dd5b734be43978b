import { relative } from "node:path";
import type { TestEvent } from "node:test/reporters";
import { inspect } from "node:util";

export interface ReportOptions {
  /** File names are shown relative to it. */
  readonly root: string;
  readonly write: (text: string) => void;
}

export interface Report {
  take(event: TestEvent): void;
  /** Repeats what failed and prints the count. Whether nothing failed and something ran. */
  finish(): boolean;
}

/** Turns the events of Node's test runner into one line per file, with the details of what failed. */
export function createReport({ root, write }: ReportOptions): Report {
  /** Names of the tests around the current one, by file and depth. */
  const paths = new Map<string, string[]>();
  const output = new Map<string, string[]>();
  const failuresOf = new Map<string, string[]>();
  const failed: string[] = [];
  const total = { passed: 0, failed: 0, skipped: 0 };
  let seconds = 0;

  const nameOf = (file: string, name: string, nesting: number): string => {
    const path = paths.get(file) ?? [];
    paths.set(file, path);
    path.length = Math.min(path.length, nesting);
    path[nesting] = name;
    return path.filter((part) => part !== undefined).join(" › ");
  };

  /** What failed in a file and what the file printed; passing files keep quiet. */
  const explain = (file: string): void => {
    const failures = failuresOf.get(file) ?? [];
    if (failures.length > 0) {
      write(`${indent([...failures, (output.get(file) ?? []).join("").slice(-20_000)].join("\n"))}\n`);
    }
    failuresOf.delete(file);
    output.delete(file);
  };

  return {
    take({ type, data }) {
      switch (type) {
        case "test:start":
          nameOf(data.file ?? "", data.name, data.nesting);
          break;
        case "test:stdout":
        case "test:stderr":
          output.set(data.file, [...(output.get(data.file) ?? []), data.message]);
          break;
        case "test:fail": {
          const { error } = data.details;
          if (Reflect.get(error, "failureType") === "subtestsFailed") break;
          const file = data.file ?? "";
          const where = `${relative(root, file)}${data.line === undefined ? "" : `:${data.line}`}`;
          const name = data.name === file ? "the file as a whole" : nameOf(file, data.name, data.nesting);
          const reason = describe(error.cause ?? error);
          failuresOf.set(file, [...(failuresOf.get(file) ?? []), `${where} ${name}\n${indent(reason)}`]);
          failed.push(`${where} ${name}`);
          break;
        }
        case "test:summary": {
          const { file, counts, duration_ms } = data;
          if (file === undefined) {
            seconds += duration_ms / 1000;
            total.passed += counts.passed;
            total.failed += counts.tests - counts.passed - counts.skipped - counts.todo;
            total.skipped += counts.skipped + counts.todo;
            break;
          }
          const verdict = data.success && !failuresOf.has(file) ? "ok  " : "FAIL";
          write(
            `${verdict} ${relative(root, file)}  ${counts.tests} in ${(duration_ms / 1000).toFixed(1)} s\n`,
          );
          explain(file);
          paths.delete(file);
          break;
        }
      }
    },
    finish() {
      for (const file of [...failuresOf.keys()]) {
        write(`FAIL ${relative(root, file)}\n`);
        explain(file);
      }
      if (failed.length > 0) write(`\nFailed:\n${indent(failed.join("\n"))}\n`);
      const skipped = total.skipped === 0 ? "" : `, ${total.skipped} skipped`;
      write(`\n${total.passed} passed, ${total.failed} failed${skipped} in ${seconds.toFixed(0)} s\n`);
      return failed.length === 0 && total.failed === 0 && total.passed > 0;
    },
  };
}

/** A failure without the frames of Node's own test runner. */
function describe(reason: unknown): string {
  if (!(reason instanceof Error) || reason.stack === undefined) return inspect(reason);
  const stack = reason.stack.replaceAll(/^ {4}at .*\(?node:.*\n?/gm, "").trimEnd();
  return reason.cause === undefined ? stack : `${stack}\ncaused by ${describe(reason.cause)}`;
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, "    ");
}
