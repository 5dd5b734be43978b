import { readFileSync } from "node:fs";
import type { Violation } from "@skein/model";
import { isMap, isNode, isPair, isScalar, LineCounter, parseDocument } from "yaml";

/** The content of a configuration file, before anything is known about it. */
export interface ConfigFile {
  readonly content: Readonly<Record<string, unknown>>;
  /** Line of the value at a path, from 1. */
  lineOf(path: readonly (string | number)[]): number;
}

/** Reads a YAML file. Keys without a value count as absent, as they stand in the published example. */
export function readConfigFile(file: string): ConfigFile | readonly Violation[] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    return [{ field: "", reason: `cannot read the configuration file ${file}: ${reasonOf(error)}` }];
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  if (document.errors.length > 0) {
    return document.errors.map((error) => {
      const { line, col } = lines.linePos(error.pos[0]);
      return {
        field: "",
        reason: `${file} is not valid YAML, line ${line}, column ${col}: ${error.message}`,
      };
    });
  }
  if (document.contents !== null && !isMap(document.contents) && !isEmpty(document.contents)) {
    return [{ field: "", reason: `${file} must be a mapping of settings, such as "mode: zone"` }];
  }
  const content = isMap(document.contents) ? withoutNulls(document.toJS()) : {};
  return {
    content,
    lineOf(path) {
      const parent = document.getIn(path.slice(0, -1), true);
      const pair = isMap(parent)
        ? parent.items.find((item) => isPair(item) && isScalar(item.key) && item.key.value === path.at(-1))
        : undefined;
      const node = pair?.key ?? document.getIn(path, true);
      return lines.linePos(isNode(node) ? (node.range?.[0] ?? 0) : 0).line;
    },
  };
}

function isEmpty(node: unknown): boolean {
  return isScalar(node) && node.value === null;
}

function withoutNulls(value: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, child]) => child !== null)
      .map(([key, child]) => [key, isGroup(child) ? withoutNulls(child) : child]),
  );
}

/** Whether a value from outside is a mapping. */
export function isGroup(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function reasonOf(error: unknown): string {
  if (error instanceof Error && "code" in error) {
    if (error.code === "ENOENT") return "there is no such file";
    if (error.code === "EACCES") return "permission denied";
    if (error.code === "EISDIR") return "it is a directory";
  }
  return error instanceof Error ? error.message : String(error);
}
