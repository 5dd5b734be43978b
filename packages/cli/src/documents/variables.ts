import mustache from "mustache";
import { CliError } from "../exit.ts";
import { parseKeyValues } from "../key-values.ts";
import { isObject } from "../read.ts";
import { didYouMean } from "../suggest.ts";
import type { Source } from "./source.ts";

/** Values of `{{ name }}`; a dot in a name nests. */
export interface Variables {
  readonly [name: string]: string | Variables;
}

/** Nests `-v a.b=c`. */
export function parseVariables(texts: readonly string[]): Variables {
  const root: Record<string, unknown> = {};
  for (const [name, value] of parseKeyValues("--var", texts)) {
    const parts = name.split(".");
    const last = parts.pop() ?? name;
    let current = root;
    for (const part of parts) {
      const next = current[part];
      const nested: Record<string, unknown> = isObject(next) ? { ...next } : {};
      current[part] = nested;
      current = nested;
    }
    current[last] = value;
  }
  return root as Variables;
}

/**
 * Fills in the variables of a text. Unlike kumactl it inserts values as they are (no HTML escapes, which have no place
 * in YAML) and refuses a name that no `-v` gives, instead of leaving it empty.
 */
export function renderVariables(source: Source, variables: Variables): Source {
  let tokens: unknown;
  try {
    tokens = mustache.parse(source.text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : "";
    throw new CliError(`${source.name}: the {{ }} of this file do not match: ${reason}`, { cause });
  }
  const missing = findMissing(tokens, [variables]);
  if (missing.length > 0) {
    const known = namesOf(variables);
    throw new CliError(
      `${source.name}: ${missing.length === 1 ? "a variable has" : "some variables have"} no value`,
      {
        details: missing.map(({ name, offset }) => {
          const near = didYouMean(name, known);
          return `* ${source.name}:${positionOf(source.text, offset)}: {{ ${name} }} is not set: add -v ${name}=<value>${near}`;
        }),
      },
    );
  }
  const text = mustache.render(source.text, variables, {}, { escape: String });
  return { name: source.name, text };
}

interface Missing {
  readonly name: string;
  readonly offset: number;
}

/** A token of mustache is `[kind, name, start, end, inner tokens?]`. Sections may test for names that are not set. */
function findMissing(tokens: unknown, scopes: readonly unknown[]): readonly Missing[] {
  if (!Array.isArray(tokens)) return [];
  return tokens.flatMap((token: unknown): readonly Missing[] => {
    if (!Array.isArray(token)) return [];
    const [kind, name, offset, , inner]: readonly unknown[] = token;
    if (typeof name !== "string") return [];
    if (kind === "name" || kind === "&" || kind === "{") {
      return name === "." || lookup(name, scopes) !== undefined ? [] : [{ name, offset: Number(offset) }];
    }
    const value = lookup(name, scopes);
    const isSet = value !== undefined && value !== "";
    if (kind === "#" && isSet) return findMissing(inner, [...scopes, value]);
    return kind === "^" && !isSet ? findMissing(inner, scopes) : [];
  });
}

function lookup(name: string, scopes: readonly unknown[]): unknown {
  const parts = name.split(".");
  for (const scope of scopes.toReversed()) {
    let current: unknown = scope;
    for (const part of parts) current = isObject(current) ? current[part] : undefined;
    if (current !== undefined) return current;
  }
  return undefined;
}

function namesOf(variables: Variables, prefix = ""): readonly string[] {
  return Object.entries(variables).flatMap(([name, value]) =>
    typeof value === "string" ? [`${prefix}${name}`] : namesOf(value, `${prefix}${name}.`),
  );
}

function positionOf(text: string, offset: number): string {
  const before = text.slice(0, offset).split("\n");
  return `${before.length}:${(before.at(-1) ?? "").length + 1}`;
}
